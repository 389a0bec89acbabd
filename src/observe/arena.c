/*-------------------------------------------------------------------------
 *
 * arena.c
 *	  Texts, trees and values in shared memory: chains of small blocks.
 *
 * Blocks of one size cannot fragment, and a chain by block number means the
 * same at every address, so that the region may be mapped anywhere and may be
 * put in order again after a crash.
 *
 * Locking: the arena's lock guards the free list and the chain words of free
 * blocks; it is held for moments and nothing is waited for under it.  A blob
 * belongs to whatever refers to it: who reads, writes or frees one holds the
 * lock of its owner.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/arena.h"

typedef struct ArenaBlock
{
	uint32		next;			/* number of the next block, or 0 */
	uint32		length;			/* first block of a blob: bytes in all */
	char		data[DBA_ARENA_BLOCK - 2 * sizeof(uint32)];
} ArenaBlock;

static ArenaBlock *arena_block(const DbaArena *arena, uint32 number);
static uint32 take_blocks(DbaArena *arena, uint32 count);
static uint32 blocks_for(Size length);

/* Bytes of an arena for so many bytes of blobs. */
Size
dba_arena_size(Size bytes)
{
	return add_size(MAXALIGN(sizeof(DbaArena)),
					mul_size(blocks_for(bytes), sizeof(ArenaBlock)));
}

void
dba_arena_init(DbaArena *arena, Size bytes, int tranche)
{
	LWLockInitialize(&arena->lock, tranche);
	arena->blocks = (uint32) (bytes / sizeof(((ArenaBlock *) NULL)->data));
	dba_arena_clear(arena);
}

/* Forgets all blobs; demands that nobody else uses the arena. */
void
dba_arena_clear(DbaArena *arena)
{
	arena->fresh = 0;
	arena->free = 0;
	arena->used = 0;
}

/* Keeps a copy of the data; 0 when there is no room for it. */
DbaBlob
dba_arena_put(DbaArena *arena, const char *data, Size length)
{
	uint32		first = take_blocks(arena, blocks_for(length));
	uint32		at = first;
	Size		done = 0;

	if (first == 0)
		return 0;
	arena_block(arena, first)->length = (uint32) length;
	while (at != 0)
	{
		ArenaBlock *block = arena_block(arena, at);
		Size		part = Min(length - done, sizeof(block->data));

		memcpy(block->data, data + done, part);
		done += part;
		at = block->next;
	}
	Assert(done == length);
	return first;
}

/* A palloc'd copy with a zero byte behind it, or NULL when there is none. */
char *
dba_arena_get(const DbaArena *arena, DbaBlob blob, Size *length)
{
	char	   *data;
	Size		done = 0;

	if (blob == 0)
		return NULL;
	*length = arena_block(arena, blob)->length;
	data = palloc(*length + 1);
	for (uint32 at = blob; at != 0 && done < *length;)
	{
		ArenaBlock *block = arena_block(arena, at);
		Size		part = Min(*length - done, sizeof(block->data));

		memcpy(data + done, block->data, part);
		done += part;
		at = block->next;
	}
	*length = done;
	data[done] = '\0';
	return data;
}

/* Gives a blob's blocks back and forgets it. */
void
dba_arena_free(DbaArena *arena, DbaBlob *blob)
{
	uint32		last = *blob;
	uint32		count = 1;

	if (*blob == 0)
		return;
	while (arena_block(arena, last)->next != 0)
	{
		last = arena_block(arena, last)->next;
		count++;
	}
	LWLockAcquire(&arena->lock, LW_EXCLUSIVE);
	arena_block(arena, last)->next = arena->free;
	arena->free = *blob;
	arena->used -= count;
	LWLockRelease(&arena->lock);
	*blob = 0;
}

/* Bytes that blobs take, what their last blocks leave free among them. */
int64
dba_arena_used(const DbaArena *arena)
{
	return (int64) arena->used * sizeof(((ArenaBlock *) NULL)->data);
}

/*
 * Begins to put an arena in order that a crash left, of which nothing is
 * believed.  Returns who is claimed, by block number, or NULL when there is no
 * memory for it.  The three functions of a check demand that nobody else uses
 * the arena.
 */
bool *
dba_arena_check_begin(DbaArena *arena)
{
	arena->fresh = Min(arena->fresh, arena->blocks);
	return palloc_extended(arena->fresh + 1,
						   MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM | MCXT_ALLOC_ZERO);
}

/* True when the blob is whole and nobody else's; then its blocks are taken. */
bool
dba_arena_check_claim(const DbaArena *arena, bool *claimed, DbaBlob blob)
{
	uint32		count = 0;
	uint32		wanted;

	if (blob == 0 || blob > arena->fresh)
		return false;
	wanted = blocks_for(arena_block(arena, blob)->length);
	for (uint32 at = blob; at != 0; at = arena_block(arena, at)->next)
	{
		if (at > arena->fresh || claimed[at] || ++count > wanted)
			return false;
	}
	if (count != wanted)
		return false;
	for (uint32 at = blob; at != 0; at = arena_block(arena, at)->next)
		claimed[at] = true;
	return true;
}

/* Makes the free list of what nobody claimed. */
void
dba_arena_check_end(DbaArena *arena, bool *claimed)
{
	arena->free = 0;
	arena->used = 0;
	for (uint32 at = arena->fresh; at > 0; at--)
	{
		if (claimed[at])
			arena->used++;
		else
		{
			arena_block(arena, at)->next = arena->free;
			arena->free = at;
		}
	}
	pfree(claimed);
}

/*
 * Takes a chain of blocks and returns its first, or 0 when there are not
 * enough.  Blocks are used again before fresh ones are touched.
 */
static uint32
take_blocks(DbaArena *arena, uint32 count)
{
	uint32		first = 0;

	LWLockAcquire(&arena->lock, LW_EXCLUSIVE);
	if (count <= arena->blocks - arena->used)
	{
		for (uint32 i = 0; i < count; i++)
		{
			uint32		taken = arena->free;

			if (taken != 0)
				arena->free = arena_block(arena, taken)->next;
			else
				taken = ++arena->fresh;
			arena_block(arena, taken)->next = first;
			first = taken;
		}
		arena->used += count;
	}
	LWLockRelease(&arena->lock);
	return first;
}

/* The block of a number, which counts from 1. */
static ArenaBlock *
arena_block(const DbaArena *arena, uint32 number)
{
	ArenaBlock *blocks = (ArenaBlock *) ((char *) arena + MAXALIGN(sizeof(DbaArena)));

	Assert(number > 0 && number <= arena->blocks);
	return &blocks[number - 1];
}

/* Blocks that a blob needs: at least one. */
static uint32
blocks_for(Size length)
{
	Size		payload = sizeof(((ArenaBlock *) NULL)->data);

	return (uint32) Max(1, (length + payload - 1) / payload);
}
