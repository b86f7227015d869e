/* The warden's start, signals and end: see warden.h. */
#include "warden/warden.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "log.h"
#include "passed.h"
#include "privsep.h"
#include "warden/state.h"

#define LOCK_WAIT_MS 2000u
#define LOCK_EVERY_MS 20u

/* Makes or checks a directory: a real one, of this owner, writable by nobody else. */
static int
own_directory(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	struct stat st;
	int fd, ok;

	if (mkdir(path, mode) != 0 && errno != EEXIST) {
		lb_log(LOG_CRIT, "cannot make %s: %m", path);
		return -1;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	ok = fd >= 0 && fstat(fd, &st) == 0 && (st.st_uid == 0 || st.st_uid == uid) &&
	     (st.st_mode & 022) == 0 && fchown(fd, uid, gid) == 0 && fchmod(fd, mode) == 0;
	if (!ok) {
		lb_log(LOG_CRIT, "%s must be a directory of uid %u that nobody else can write to",
		       path, uid);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static int
prepare_directories(struct lb_warden *w, uid_t keeper_uid, gid_t keeper_gid)
{
	char empty[512];
	int fd;

	w->run_fd = own_directory(w->options->run_dir, 0, 0, 0755);
	if (w->run_fd < 0)
		return -1;
	snprintf(empty, sizeof empty, "%s/empty", w->options->run_dir);
	fd = own_directory(empty, 0, 0, 0555);
	if (fd < 0)
		return -1;
	close(fd);
	fd = own_directory(w->options->state_dir, keeper_uid, keeper_gid, 0700);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

/* A helper that an earlier warden had just forked when it died has the lock for a moment more. */
static int
take_lock(int fd)
{
	static const struct timespec a_moment = {0, LOCK_EVERY_MS * 1000000L};

	for (unsigned ms = 0; ms < LOCK_WAIT_MS; ms += LOCK_EVERY_MS) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		nanosleep(&a_moment, NULL);
	}
	return -1;
}

/* One daemon per run directory: the lock lives as long as the warden. */
static int
lock_run_directory(const struct lb_warden *w)
{
	int fd = openat(w->run_fd, "lockboxd.pid", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0 || fchmod(fd, 0644) != 0 || take_lock(fd) != 0) {
		lb_log(LOG_CRIT, "another lockboxd runs in %s, or its pid file cannot be written",
		       w->options->run_dir);
		return -1;
	}
	if (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
		return -1;
	return 0;
}

/* Whoever fills the public one has everybody wait behind it: not for long. */
#define PUBLIC_BACKLOG 128
#define PAM_BACKLOG 512

static int
listen_at(const struct lb_warden *w, const char *name, mode_t mode, int backlog)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int len = snprintf(sun.sun_path, sizeof sun.sun_path, "%s/%s", w->options->run_dir, name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (fd < 0 || len < 0 || (size_t)len >= sizeof sun.sun_path)
		return -1;
	if (unlink(sun.sun_path) != 0 && errno != ENOENT)
		return -1;
	if (!lb_passed_refuse(fd))
		lb_log(LOG_INFO,
		       "the kernel cannot refuse descriptors sent to %s: a timer breaks "
		       "off what they could hold up",
		       sun.sun_path);
	/* umask is 077: nobody can connect before the mode says so. */
	if (bind(fd, (const struct sockaddr *)&sun, sizeof sun) != 0 ||
	    chmod(sun.sun_path, mode) != 0 || lstat(sun.sun_path, &st) != 0 || st.st_uid != 0 ||
	    (st.st_mode & 07777) != mode || listen(fd, backlog) != 0) {
		lb_log(LOG_CRIT, "cannot listen at %s: %m", sun.sun_path);
		close(fd);
		return -1;
	}
	return fd;
}

#define LAST_LINES_MS 500u
#define FILES_WANTED 65536u

static void
limits(void)
{
	const struct rlimit none = {0, 0};
	struct rlimit files;

	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
		lb_fatal(1, "cannot turn core dumps off: %m");
	/* Each open session holds a descriptor here and in the keeper. */
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		lb_fatal(1, "cannot read the limit on open files: %m");
	if (files.rlim_max < FILES_WANTED) {
		files.rlim_max = FILES_WANTED;
		if (setrlimit(RLIMIT_NOFILE, &files) != 0 && getrlimit(RLIMIT_NOFILE, &files) != 0)
			lb_fatal(1, "cannot read the limit on open files: %m");
	}
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) != 0)
		lb_log(LOG_WARNING, "cannot set the limit on open files: %m");
}

static void
on_terminate(struct lb_warden *w)
{
	lb_log(LOG_NOTICE, "stopping: grants stay as they are");
	lb_warden_stop(w, 0);
}

static void
on_hangup(struct lb_warden *w)
{
	lb_warden_begin_reload(w);
}

static const struct {
	int sig;
	void (*act)(struct lb_warden *w);
} signals[] = {{SIGTERM, on_terminate}, {SIGINT, on_terminate}, {SIGHUP, on_hangup}};

#define SIGNALS (sizeof signals / sizeof signals[0])

/* One that cannot be read now stays, and is read in the next turn. */
static void
on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct signalfd_siginfo info;

	(void)what;
	if (read(fd, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	for (size_t i = 0; i < SIGNALS; i++)
		if ((uint32_t)signals[i].sig == info.ssi_signo)
			signals[i].act(arg);
}

/* Signals wait in the kernel until they are read: no handler, and none is lost on the way. */
static int
add_signals(struct lb_warden *w)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	for (size_t i = 0; i < SIGNALS; i++) {
		signal(signals[i].sig, SIG_DFL); /* an ignored one would not wait */
		sigaddset(&set, signals[i].sig);
	}
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -1;
	w->signals = event_new(w->base, fd, EV_READ | EV_PERSIST, on_signal, w);
	return w->signals != NULL && event_add(w->signals, NULL) == 0 ? 0 : -1;
}

static int
prepare(struct lb_warden *w)
{
	const char *missing = "";
	uid_t uid;
	gid_t gid;

	if (lb_privsep_users(&missing) != LB_OK) {
		lb_log(LOG_CRIT,
		       "the system user %s is missing from /etc/passwd or shares its id; run "
		       "the setup that comes with Lockbox",
		       missing);
		return -1;
	}
	lb_privsep_ids(LB_PROC_KEEPER, &uid, &gid);
	if (prepare_directories(w, uid, gid) != 0 || lock_run_directory(w) != 0)
		return -1;
	w->public_fd = listen_at(w, "public.sock", 0666, PUBLIC_BACKLOG);
	w->pam_fd = listen_at(w, "pam.sock", 0600, PAM_BACKLOG);
	return w->public_fd < 0 || w->pam_fd < 0 ? -1 : 0;
}

int
lb_warden_main(const struct lb_warden_options *options)
{
	struct lb_warden w = {.options = options, .run_fd = -1, .public_fd = -1, .pam_fd = -1};

	if (options->check_only)
		return lb_warden_check(options) == LB_OK ? 0 : 1;
	lb_log_open_warden(options->foreground, LB_LOG_SOCKET);
	if (!options->foreground && daemon(0, 0) != 0)
		lb_fatal(1, "cannot detach: %m");
	w.keeper_calls = &lb_warden_keeper_calls;
	limits();
	if (prepare(&w) != 0)
		return LB_EXIT_SETUP;
	lb_sandbox_enter_warden();
	w.base = event_base_new();
	if (w.base == NULL || add_signals(&w) != 0 || lb_warden_serve_start(&w) != LB_OK ||
	    lb_warden_pulse_start(&w) != LB_OK)
		lb_fatal(1, "out of memory");
	if (lb_warden_begin_reload(&w) != LB_OK)
		return LB_EXIT_SETUP;
	event_base_dispatch(w.base);
	for (int p = 0; p < LB_PROC_COUNT; p++)
		lb_warden_kill(&w, (enum lb_proc)p);
	unlinkat(w.run_fd, "public.sock", 0);
	unlinkat(w.run_fd, "pam.sock", 0);
	lb_log_flush(LAST_LINES_MS);
	return w.status;
}
