/*-------------------------------------------------------------------------
 *
 * region.h
 *	  Where the memory that all sessions share comes from.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_REGION_H
#define DBA_REGION_H

/* Fills a new region, all of whose bytes are 0. */
typedef void (*DbaRegionInit) (void *region);

extern void *dba_region_map(Size size);
extern bool dba_region_can_name(void);
extern void *dba_region_named(const char *name, Size size, DbaRegionInit init);

#endif							/* DBA_REGION_H */
