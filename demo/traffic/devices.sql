-- devices.sql: all devices of a tenant report that they are there.
\set tenant 20 * :client_id + random(0, 19)
UPDATE ops.devices SET last_seen = now() WHERE tenant_id = :tenant;
UPDATE ops.sensors SET last_seen = now() WHERE tenant_id = :tenant;
UPDATE ops.beacons SET last_seen = now() WHERE tenant_id = :tenant;
