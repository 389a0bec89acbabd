/*-------------------------------------------------------------------------
 *
 * observe.h
 *	  Sets the station up.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_OBSERVE_H
#define DBA_OBSERVE_H

extern void dba_observe_init(void);

#endif							/* DBA_OBSERVE_H */
