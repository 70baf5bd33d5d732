/*
 * faults - one thing each that a tool must name. Everything that a compiler could see
 * through is volatile.
 */
#ifndef FAULTS_H
#define FAULTS_H

#define FAULTS(each)                                                                                         \
    each(well)                           /* none: the tool must be silent */                                 \
        each(use_after_free)             /* of malloc's */                                                   \
        each(overflow)                   /* a byte behind malloc's */                                        \
        each(use_after_put)              /* of a pool's, told to the tool */                                 \
        each(misaligned)                 /* a load of 4 bytes at an odd address */                           \
        each(signed_overflow) each(leak) /* malloc's, its pointer overwritten */                             \
        each(uninitialised)              /* a decision by a byte nobody wrote */                             \
        each(relaxed)                    /* published to another thread without release */                   \
        each(race_in_buffer)             /* two threads write to one buffer of a pool's */

#define FAULT_DECLARE(name) void fault_##name(void);
FAULTS(FAULT_DECLARE)

#endif /* FAULTS_H */
