/*-------------------------------------------------------------------------
 *
 * arena.h
 *	  Texts, trees and values in shared memory: chains of small blocks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_ARENA_H
#define DBA_ARENA_H

#include "storage/lwlock.h"

/* A blob is the number of its first block, from 1; 0 is none. */
typedef uint32 DbaBlob;

#define DBA_ARENA_BLOCK 256

/* Lies at the start of its memory. */
typedef struct DbaArena
{
	LWLock		lock;			/* guards all below but the payloads */
	uint32		blocks;			/* constant */
	uint32		fresh;			/* blocks beyond this number were never used */
	uint32		free;			/* first block of the free list, or 0 */
	uint32		used;			/* blocks in blobs */
} DbaArena;

extern Size dba_arena_size(Size bytes);
extern void dba_arena_init(DbaArena *arena, Size bytes, int tranche);
extern void dba_arena_clear(DbaArena *arena);
extern DbaBlob dba_arena_put(DbaArena *arena, const char *data, Size length);
extern char *dba_arena_get(const DbaArena *arena, DbaBlob blob, Size *length);
extern int64 dba_arena_used(const DbaArena *arena);
extern void dba_arena_free(DbaArena *arena, DbaBlob *blob);

/* After a crash: begin, claim every blob that is referred to, end. */
extern bool *dba_arena_check_begin(DbaArena *arena);
extern bool dba_arena_check_claim(const DbaArena *arena, bool *claimed,
								  DbaBlob blob);
extern void dba_arena_check_end(DbaArena *arena, bool *claimed);

#endif							/* DBA_ARENA_H */
