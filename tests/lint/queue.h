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
#define STAILQ_HEAD(name, type) TAILQ_HEAD(name, type)
#define STAILQ_HEAD_INITIALIZER(head)                                                              \
	{                                                                                          \
		0, 0                                                                               \
	}
#define STAILQ_ENTRY(type) LIST_ENTRY(type)
#define LIST_FOREACH(at, head, member)                                                             \
	for ((at) = (head)->first; (at) != 0; (at) = (at)->member.next)
#define TAILQ_FOREACH(at, head, member) LIST_FOREACH(at, head, member)
#define STAILQ_FOREACH(at, head, member) LIST_FOREACH(at, head, member)
