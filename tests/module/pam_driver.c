/*
 * An application of PAM for the module tests: makes the calls that its words
 * name, on stacks from a directory, and prints what came of each.
 *
 *	pam_driver CONFDIR SERVICE USER WORD...        USER "-": none
 *
 *	auth account open close setcred chauthtok      the calls
 *	user=X rhost=X tty=X ruser=X                   sets the PAM item
 *	password=X  conv=fail                          what the conversation answers
 *	silent      calls from here on are made with PAM_SILENT
 *	repeat=N    the next call is made N times and printed once
 *	loginuid=N  uid=N                              of this process; uid: the real one only
 *	fds         prints how many descriptors are open
 *	alarms      a signal every millisecond from here on, without SA_RESTART
 *	storm       SIGALRM, SIGCHLD and SIGUSR1 as fast as a child can send them, the same way
 *	signals     prints what is set for every signal, the mask and the timers, as one number
 *	threads=N   N threads each make the account call 50 times, on handles of their own
 *
 * Status 0 when every call gave PAM_SUCCESS, 1 when one did not, 2 on misuse.
 */
#include <dirent.h>
#include <pthread.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct driver {
	const char *confdir, *service, *user;
	pam_handle_t *pamh;
	const char *password;
	bool conv_fails, quiet;
	int flags;
	int repeat;
	bool all_well;
};

static void __attribute__((noreturn)) misuse(const char *what)
{
	fprintf(stderr, "pam_driver: %s\n", what);
	exit(2);
}

static const char *
code_name(int code)
{
#define NAME(c) [c] = #c
	static const char *const names[] = {
		NAME(PAM_SUCCESS),     NAME(PAM_OPEN_ERR),	   NAME(PAM_SERVICE_ERR),
		NAME(PAM_SYSTEM_ERR),  NAME(PAM_BUF_ERR),	   NAME(PAM_PERM_DENIED),
		NAME(PAM_AUTH_ERR),    NAME(PAM_AUTHINFO_UNAVAIL), NAME(PAM_USER_UNKNOWN),
		NAME(PAM_SESSION_ERR), NAME(PAM_CONV_ERR),	   NAME(PAM_IGNORE),
		NAME(PAM_ABORT),       NAME(PAM_AUTHTOK_ERR),
	};
#undef NAME

	if (code < 0 || (size_t)code >= sizeof names / sizeof names[0] || names[code] == NULL)
		return pam_strerror(NULL, code);
	return names[code];
}

static void
print_message(const struct pam_message *m)
{
	switch (m->msg_style) {
	case PAM_ERROR_MSG:
		printf("error: %s\n", m->msg);
		return;
	case PAM_TEXT_INFO:
		printf("info: %s\n", m->msg);
		return;
	case PAM_PROMPT_ECHO_OFF:
		printf("prompt: %s\n", m->msg);
		return;
	default:
		printf("style %d: %s\n", m->msg_style, m->msg);
	}
}

static int
converse(int count, const struct pam_message **messages, struct pam_response **responses,
	 void *data)
{
	const struct driver *d = data;
	struct pam_response *r;

	for (int i = 0; i < count && !d->quiet; i++)
		print_message(messages[i]);
	if (d->conv_fails)
		return PAM_CONV_ERR;
	r = calloc((size_t)count, sizeof *r);
	if (r == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF && d->password != NULL)
			r[i].resp = strdup(d->password);
	*responses = r;
	return PAM_SUCCESS;
}

static int
set_cred(pam_handle_t *pamh, int flags)
{
	return pam_setcred(pamh, (int)((unsigned)flags | PAM_ESTABLISH_CRED));
}

static const struct {
	const char *word;
	int (*call)(pam_handle_t *, int);
} calls[] = {
	{"auth", pam_authenticate},   {"account", pam_acct_mgmt}, {"open", pam_open_session},
	{"close", pam_close_session}, {"setcred", set_cred},	  {"chauthtok", pam_chauthtok},
};

static const struct {
	const char *word;
	int item;
} items[] = {
	{"user=", PAM_USER},
	{"rhost=", PAM_RHOST},
	{"tty=", PAM_TTY},
	{"ruser=", PAM_RUSER},
};

static long
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
make_call(struct driver *d, const char *word, int (*call)(pam_handle_t *, int))
{
	long begun = now_ms();
	int code = PAM_SUCCESS;

	for (int i = 0; i < d->repeat; i++) {
		d->quiet = i > 0;
		code = call(d->pamh, d->flags);
	}
	d->repeat = 1;
	d->quiet = false;
	printf("%s: %s\n", word, code_name(code));
	printf("%s took %ld ms\n", word, now_ms() - begun);
	if (code != PAM_SUCCESS)
		d->all_well = false;
}

static void
print_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = -3; /* ".", ".." and the directory itself */

	if (dir == NULL)
		misuse("/proc/self/fd");
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	printf("fds %d\n", count);
}

static void
set_login_uid(const char *value)
{
	FILE *f = fopen("/proc/self/loginuid", "w");

	if (f == NULL || fputs(value, f) == EOF || fclose(f) != 0)
		misuse("cannot set the login uid");
}

static void
nothing(int signal_number)
{
	(void)signal_number;
}

static void
start_alarms(void)
{
	struct sigaction action = {.sa_handler = nothing};
	struct itimerval every = {{0, 1000}, {0, 1000}};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

/* The child ends with this process. */
static void
start_storm(void)
{
	static const int sent[] = {SIGALRM, SIGCHLD, SIGUSR1};
	struct sigaction action = {.sa_handler = nothing};
	pid_t to = getpid(), child;

	for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++)
		sigaction(sent[i], &action, NULL);
	child = fork();
	if (child < 0)
		misuse("fork");
	if (child > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; getppid() == to; i++) {
		kill(to, sent[i % (sizeof sent / sizeof sent[0])]);
		usleep(50);
	}
	_exit(0);
}

static uint64_t
mixed(uint64_t sum, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ at[i]) * 0x100000001b3u;
	return sum;
}

static void
print_signals(void)
{
	uint64_t sum = 0xcbf29ce484222325u;
	struct itimerval timer;
	sigset_t mask;

	for (int i = 1; i < NSIG; i++) {
		struct sigaction action;

		if (sigaction(i, NULL, &action) != 0)
			continue;
		sum = mixed(sum, &action.sa_handler, sizeof action.sa_handler);
		sum = mixed(sum, &action.sa_flags, sizeof action.sa_flags);
	}
	sigemptyset(&mask);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int i = 1; i < NSIG; i++) {
		int member = sigismember(&mask, i);

		sum = mixed(sum, &member, sizeof member);
	}
	for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
		getitimer(which, &timer);
		sum = mixed(sum, &timer, sizeof timer);
	}
	printf("signals %016llx\n", (unsigned long long)sum);
}

static void *
thread(void *data)
{
	struct driver *d = data;
	struct driver quiet = *d;
	struct pam_conv conv = {converse, &quiet};
	intptr_t good = 0;

	quiet.quiet = true;
	for (int i = 0; i < 50; i++) {
		pam_handle_t *pamh = NULL;
		int code = pam_start_confdir(d->service, d->user, &conv, d->confdir, &pamh);

		if (code == PAM_SUCCESS)
			code = pam_acct_mgmt(pamh, 0);
		if (code == PAM_SUCCESS)
			good++;
		if (pamh != NULL)
			pam_end(pamh, code);
	}
	return (void *)good;
}

static void
run_threads(struct driver *d, size_t count)
{
	pthread_t threads[64];
	intptr_t good = 0;

	if (count == 0 || count > 64)
		misuse("1 to 64 threads");
	for (size_t i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, thread, d) != 0)
			misuse("no thread");
	for (size_t i = 0; i < count; i++) {
		void *result;

		pthread_join(threads[i], &result);
		good += (intptr_t)result;
	}
	printf("threads: %ld of %zu allowed\n", (long)good, count * 50);
}

static const char *
after(const char *word, const char *prefix)
{
	return strncmp(word, prefix, strlen(prefix)) == 0 ? word + strlen(prefix) : NULL;
}

/* True when the word sets something about the application rather than a PAM item. */
static bool
set_own(struct driver *d, const char *word)
{
	const char *value;

	if ((value = after(word, "password=")) != NULL)
		d->password = value;
	else if (strcmp(word, "conv=fail") == 0)
		d->conv_fails = true;
	else if (strcmp(word, "silent") == 0)
		d->flags = (int)PAM_SILENT;
	else if ((value = after(word, "repeat=")) != NULL)
		d->repeat = atoi(value);
	else if ((value = after(word, "loginuid=")) != NULL)
		set_login_uid(value);
	else if ((value = after(word, "uid=")) != NULL)
		return setresuid((uid_t)atoi(value), (uid_t)-1, (uid_t)-1) == 0;
	else if (strcmp(word, "fds") == 0)
		print_fds();
	else if (strcmp(word, "alarms") == 0)
		start_alarms();
	else if (strcmp(word, "storm") == 0)
		start_storm();
	else if (strcmp(word, "signals") == 0)
		print_signals();
	else if ((value = after(word, "threads=")) != NULL)
		run_threads(d, (size_t)atoi(value));
	else
		return false;
	return true;
}

static void
run_word(struct driver *d, const char *word)
{
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		if (strcmp(word, calls[i].word) == 0) {
			make_call(d, word, calls[i].call);
			return;
		}
	}
	for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
		const char *value = after(word, items[i].word);

		if (value != NULL) {
			if (pam_set_item(d->pamh, items[i].item, value) != PAM_SUCCESS)
				misuse("pam_set_item");
			return;
		}
	}
	if (!set_own(d, word))
		misuse(word);
}

int
main(int argc, char **argv)
{
	struct driver d = {.repeat = 1, .all_well = true};
	struct pam_conv conv = {converse, &d};

	if (argc < 5)
		misuse("usage: pam_driver CONFDIR SERVICE USER WORD...");
	setvbuf(stdout, NULL, _IOLBF, 0);
	d.confdir = argv[1];
	d.service = argv[2];
	d.user = strcmp(argv[3], "-") == 0 ? NULL : argv[3];
	if (pam_start_confdir(d.service, d.user, &conv, d.confdir, &d.pamh) != PAM_SUCCESS)
		misuse("pam_start_confdir");
	for (int i = 4; i < argc; i++)
		run_word(&d, argv[i]);
	pam_end(d.pamh, PAM_SUCCESS);
	return d.all_well ? 0 : 1;
}
