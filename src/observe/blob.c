/*-------------------------------------------------------------------------
 *
 * blob.c
 *	  The envelope of what lies packed in shared memory or in a file.
 *
 * A query tree is read back by the server's own reader, which trusts its
 * input: fed with garbage it crashes.  So what is not word for word what was
 * written, by a server with the same catalogs, is refused here.  That is a
 * guard against accidents, not against somebody who can write to the server's
 * memory or files; he needs no such detour.
 *
 * No locks, no catalogs, and nothing here throws.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/blob.h"

#include "catalog/catversion.h"
#include "port/pg_crc32c.h"

static uint32 checksum(const char *blob, Size size);

/* Writes the header, when everything behind it is in its place. */
void
dba_blob_seal(char *blob, Size size, DbaBlobKind kind)
{
	DbaBlobHeader header = {
		.kind = kind,
		.catalog = CATALOG_VERSION_NO,
		.size = (uint32) size
	};

	Assert(size >= sizeof(header) && size <= PG_UINT32_MAX);
	memcpy(blob, &header, sizeof(header));
	header.crc = checksum(blob, size);
	memcpy(blob, &header, sizeof(header));
}

/* True when these bytes are a blob of this kind that was sealed here. */
bool
dba_blob_intact(const char *blob, Size size, DbaBlobKind kind)
{
	DbaBlobHeader header;

	if (blob == NULL || size < sizeof(header))
		return false;

	memcpy(&header, blob, sizeof(header));
	return header.kind == (uint32) kind &&
		header.catalog == CATALOG_VERSION_NO &&
		header.size == size &&
		header.crc == checksum(blob, size);
}

/* Of all bytes but those of the checksum itself. */
static uint32
checksum(const char *blob, Size size)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, blob, offsetof(DbaBlobHeader, crc));
	COMP_CRC32C(crc, blob + sizeof(DbaBlobHeader),
				size - sizeof(DbaBlobHeader));
	FIN_CRC32C(crc);
	return crc;
}
