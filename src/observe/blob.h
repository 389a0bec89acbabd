/*-------------------------------------------------------------------------
 *
 * blob.h
 *	  The envelope of what lies packed in shared memory or in a file.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_BLOB_H
#define DBA_BLOB_H

/* Bytes of a packed statement or of its values; larger ones are not kept. */
#define DBA_MAX_PACKED 65536

/* What is in it; changes with the layout of the content. */
typedef enum DbaBlobKind
{
	DBA_BLOB_TREE = 0x44425431,
	DBA_BLOB_VALUES = 0x44425631
} DbaBlobKind;

/* Comes first in every blob. */
typedef struct DbaBlobHeader
{
	uint32		kind;			/* a DbaBlobKind */
	uint32		catalog;		/* version of the server's catalogs and nodes */
	uint32		size;			/* bytes, with this header */
	uint32		crc;			/* CRC-32C of everything else */
} DbaBlobHeader;

extern void dba_blob_seal(char *blob, Size size, DbaBlobKind kind);
extern bool dba_blob_intact(const char *blob, Size size, DbaBlobKind kind);

#endif							/* DBA_BLOB_H */
