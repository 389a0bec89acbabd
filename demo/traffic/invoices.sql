-- invoices.sql: everybody needs the next number of an invoice.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT last_number FROM shop.invoice_numbers WHERE tenant_id = 1;
SELECT pg_sleep(0.001);
UPDATE shop.invoice_numbers SET last_number = last_number + 1 WHERE tenant_id = 1;
END;
