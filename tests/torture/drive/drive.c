/*
 * drive: a process that the two modules are loaded into, with an allocator whose
 * calls can be made to fail (alloc/alloc.c).  What is asked for is done ROUNDS
 * times (environment; 4), so that what a fault leaves behind is seen in the end.
 *
 *	drive pam STACKS USER PASSWORD LOGINUID auth|account|open|close
 *	drive nss MODULE NAME UID GROUP OTHER		OTHER: a name that must not resolve
 *
 * Prints one line for each answer of the first round, and at the end "fds N" and
 * "blocks N": the descriptors open, and the blocks in use.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern long inject_blocks_in_use(void);

static int
count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* How often each is done. */
static int
rounds(void)
{
	const char *n = getenv("ROUNDS");

	return n != NULL ? atoi(n) : 4;
}

/* ---- PAM ---- */

static int
converse(int count, const struct pam_message **messages, struct pam_response **responses,
	 void *data)
{
	struct pam_response *r = calloc((size_t)count, sizeof *r);

	if (r == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF &&
		    (r[i].resp = strdup(data)) == NULL) {
			free(r);
			return PAM_BUF_ERR;
		}
	*responses = r;
	return PAM_SUCCESS;
}

static int
pam_round(char **words)
{
	const struct pam_conv conv = {converse, words[2]};
	pam_handle_t *h = NULL;
	int code = pam_start_confdir("sshd", words[1], &conv, words[0], &h);

	if (code == PAM_SUCCESS)
		code = strcmp(words[4], "auth") == 0	  ? pam_authenticate(h, 0)
		       : strcmp(words[4], "account") == 0 ? pam_acct_mgmt(h, 0)
		       : strcmp(words[4], "open") == 0	  ? pam_open_session(h, 0)
							  : pam_close_session(h, 0);
	if (h != NULL)
		pam_end(h, code);
	return code;
}

static int
drive_pam(char **words)
{
	int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, words[3], strlen(words[3])) < 0)
		return 2;
	close(fd);
	for (int i = 0, n = rounds(); i < n; i++) {
		int code = pam_round(words);

		if (i == 0)
			printf("%s %d\n", words[4], code);
	}
	return 0;
}

/* ---- NSS ---- */

typedef enum nss_status pwnam_fn(const char *, struct passwd *, char *, size_t, int *);
typedef enum nss_status pwuid_fn(uid_t, struct passwd *, char *, size_t, int *);
typedef enum nss_status grnam_fn(const char *, struct group *, char *, size_t, int *);
typedef enum nss_status spnam_fn(const char *, struct spwd *, char *, size_t, int *);
typedef enum nss_status groups_fn(const char *, gid_t, long *, long *, gid_t **, long, int *);

static void
nss_round(void *module, char **words, int show)
{
	pwnam_fn *pwnam = (pwnam_fn *)dlsym(module, "_nss_lockbox_getpwnam_r");
	pwuid_fn *pwuid = (pwuid_fn *)dlsym(module, "_nss_lockbox_getpwuid_r");
	grnam_fn *grnam = (grnam_fn *)dlsym(module, "_nss_lockbox_getgrnam_r");
	spnam_fn *spnam = (spnam_fn *)dlsym(module, "_nss_lockbox_getspnam_r");
	groups_fn *groups = (groups_fn *)dlsym(module, "_nss_lockbox_initgroups_dyn");
	static char buf[1 << 16];
	struct passwd pw;
	struct group gr;
	struct spwd sp;
	long start = 0, size = 1;
	gid_t *list = malloc(sizeof *list);
	int err = 0;

	memset(&pw, 0, sizeof pw);
	if (pwnam(words[1], &pw, buf, sizeof buf, &err) == NSS_STATUS_SUCCESS && show)
		printf("pwnam %s %u %s %s\n", pw.pw_name, pw.pw_uid, pw.pw_dir, pw.pw_shell);
	if (pwuid((uid_t)atol(words[2]), &pw, buf, sizeof buf, &err) == NSS_STATUS_SUCCESS && show)
		printf("pwuid %s %u\n", pw.pw_name, pw.pw_uid);
	if (pwnam(words[4], &pw, buf, sizeof buf, &err) == NSS_STATUS_SUCCESS && show)
		printf("RESOLVED %s\n", words[4]);
	if (grnam(words[3], &gr, buf, sizeof buf, &err) == NSS_STATUS_SUCCESS && show)
		printf("grnam %s %u %s\n", gr.gr_name, gr.gr_gid, gr.gr_mem[0]);
	if (spnam(words[1], &sp, buf, sizeof buf, &err) == NSS_STATUS_SUCCESS && show)
		printf("spnam %s %s\n", sp.sp_namp, sp.sp_pwdp);
	if (list != NULL &&
	    groups(words[1], 1, &start, &size, &list, 100, &err) == NSS_STATUS_SUCCESS && show)
		for (long i = 0; i < start; i++)
			printf("group %u\n", list[i]);
	free(list);
}

static int
drive_nss(char **words)
{
	void *module = dlopen(words[0], RTLD_NOW);

	if (module == NULL)
		return 2;
	for (int i = 0, n = rounds(); i < n; i++)
		nss_round(module, words, i == 0);
	return 0;
}

int
main(int argc, char **argv)
{
	static char out[65536];
	int status = 2;

	setvbuf(stdout, out, _IOFBF, sizeof out);
	if (argc == 7 && strcmp(argv[1], "pam") == 0)
		status = drive_pam(argv + 2);
	else if (argc == 7 && strcmp(argv[1], "nss") == 0)
		status = drive_nss(argv + 2);
	printf("fds %d\nblocks %ld\n", count_fds(), inject_blocks_in_use());
	return status;
}
