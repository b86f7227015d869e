/* The declarations of <sys/queue.h>, for cppcheck, which reads no header of the system. */
#define LIST_HEAD(name, type)                                                                      \
	struct name {                                                                              \
		struct type *first;                                                                \
	}
#define TAILQ_HEAD(name, type)                                                                     \
	struct name {                                                                              \
		struct type *first, **last;                                                        \
	}
#define LIST_ENTRY(type)                                                                           \
	struct {                                                                                   \
		struct type *next, **prev;                                                         \
	}
#define TAILQ_ENTRY(type) LIST_ENTRY(type)
