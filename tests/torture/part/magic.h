/* What the allocator of torture builds shows to the injector, in getpid()'s first argument. */
#ifndef INJECT_MAGIC_H
#define INJECT_MAGIC_H

#define INJECT_MAGIC 0x6c6f636b626f7821ul

#endif
