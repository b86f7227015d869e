/* Rights that amount to root: see rights.h. */
#include "policy/rights.h"

#include <stddef.h>
#include <string.h>

#include "name.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/*
 * Groups of Debian, its relatives and common packages.  Not among them: adm
 * and systemd-journal (read logs), kvm, video, audio, render, dialout, plugdev.
 */
static const struct {
	const char *group, *why;
} root_groups[] = {
	{"root", "shares files with root"},
	{"sudo", "may run anything as root by sudo"},
	{"wheel", "may run anything as root by sudo or su"},
	{"admin", "may run anything as root by sudo"},
	{"docker", "can start a container that holds the whole disk"},
	{"podman", "can start a container that holds the whole disk"},
	{"containerd", "can start a container that holds the whole disk"},
	{"microk8s", "can start a container that holds the whole disk"},
	{"lxd", "can start a container that holds the whole disk"},
	{"lxc", "can start a container that holds the whole disk"},
	{"incus", "can start a container that holds the whole disk"},
	{"incus-admin", "can start a container that holds the whole disk"},
	{"libvirt", "can start a machine that holds the whole disk"},
	{"libvirtd", "can start a machine that holds the whole disk"},
	{"disk", "can read and write every disk past all permissions"},
	{"shadow", "can read the passwords of all users"},
	{"kmem", "can read the memory of the kernel"},
	{"mem", "can read the memory of the kernel"},
	{"staff", "can change programs in /usr/local that root runs"},
	{"sys", "administers printing, which runs programs as root"},
	{"lpadmin", "administers printing, which runs programs as root"},
	{"input", "can read what is typed at the console"},
};

/*
 * Programs that give a shell or run what they are told, whatever their
 * arguments: an editor, a pager, an interpreter.  A small script of root's own
 * with one purpose is the way to allow one task of such a program.
 */
/* clang-format off */
static const char *const root_programs[] = {
	/* shells */
	"sh", "bash", "dash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "rbash", "busybox", "ash",
	/* become or run as somebody */
	"su", "sudo", "doas", "runuser", "setpriv", "pkexec", "chroot", "nsenter", "unshare", "capsh",
	"systemd-run", "machinectl", "run0", "start-stop-daemon", "newgrp", "sg", "login",
	/* run another program */
	"env", "nice", "ionice", "nohup", "timeout", "stdbuf", "setsid", "xargs", "time", "watch", "parallel",
	"flock", "taskset", "chrt", "script", "screen", "tmux", "expect", "find", "make", "at", "batch",
	"run-parts", "ld.so", "ld-linux-x86-64.so.2",
	/* editors and pagers */
	"vi", "vim", "vim.basic", "vim.tiny", "vim.nox", "view", "rvim", "rview", "vimdiff", "nvim", "nano",
	"pico", "ed", "red", "emacs", "joe", "jed", "mcedit", "mc", "editor", "sensible-editor", "less", "more",
	"most", "pager", "sensible-pager", "man", "crontab", "visudo", "vipw", "vigr",
	/* interpreters and debuggers */
	"python", "perl", "ruby", "node", "nodejs", "lua", "luajit", "php", "tclsh", "wish", "irb", "awk", "gawk",
	"mawk", "nawk", "original-awk", "guile", "gdb", "strace", "ltrace", "psql", "mysql", "mariadb", "sqlite",
	/* reach root through another door */
	"docker", "podman", "nerdctl", "ctr", "crictl", "kubectl", "lxc", "lxd", "incus", "virsh", "debugfs",
	"ssh", "scp", "sftp", "ftp", "nmap", "tcpdump", "git", "apt", "apt-get", "aptitude", "dpkg", "rpm",
	"dnf", "yum", "zypper", "snap", "pip", "npm", "gem", "cpan",
	/* make or unlock an account, load code into the kernel */
	"passwd", "chpasswd", "useradd", "usermod", "adduser", "gpasswd", "newusers", "insmod", "modprobe",
	"kexec",
};
/* clang-format on */

/* Words after the program that make it one of the above. */
static const struct {
	const char *program, *word;
} root_words[] = {
	{"systemctl", "edit"},
	{"systemctl", "link"},
	{"systemctl", "set-environment"},
	{"systemctl", "revert"},
	{"systemctl", "import-environment"},
};

/* As arguments these are programs to be run by whatever stands before them. */
static const char *const shells[] = {"sh",   "bash", "dash", "zsh",  "ksh",
				     "mksh", "fish", "csh",  "tcsh", "busybox"};

/* Nobody but root may make files where a command of root's lies. */
static const char *const unsafe_places[] = {"/tmp",	 "/var/tmp",  "/dev",	   "/proc", "/home",
					    "/run/user", "/run/lock", "/var/lock", "/media"};

/* True when word is name, also with a version behind: python3.11, lua5.4, php8.2, sqlite3. */
static bool
is_program(const char *word, size_t len, const char *name)
{
	size_t n = strlen(name);

	if (len < n || memcmp(word, name, n) != 0)
		return false;
	for (size_t i = n; i < len; i++)
		if (!(word[i] >= '0' && word[i] <= '9') && word[i] != '.' && word[i] != '-')
			return false;
	return true;
}

/* The last component of the word at text; *len is its length. */
static const char *
last_part(const char *text, size_t *len)
{
	size_t word = strcspn(text, " "), start = word;

	while (start > 0 && text[start - 1] != '/')
		start--;
	*len = word - start;
	return text + start;
}

static bool
one_of(const char *text, const char *const *names, size_t count)
{
	size_t len;
	const char *word = last_part(text, &len);

	for (size_t i = 0; i < count; i++)
		if (is_program(word, len, names[i]))
			return true;
	return false;
}

/* The word after the one at text, or NULL. */
static const char *
next_word(const char *text)
{
	const char *space = strchr(text, ' ');

	return space != NULL ? space + 1 : NULL;
}

const char *
lb_command_problem(const char *command)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/+@%=:,- ";
	size_t len = strlen(command), program = strcspn(command, " "), name_len;
	char path[LB_COMMAND_MAX + 1];
	const char *name;

	if (len > LB_COMMAND_MAX)
		return "this is longer than 512 bytes; put it into a script of root's own";
	if (strcspn(command, "*?[]!^") != len)
		return "wildcards and expressions are not taken; write each command with its exact "
		       "arguments";
	if (strspn(command, letters) != len)
		return "this has a letter that no command may have; write letters, digits and . _ "
		       "/ + "
		       "@ % = : , - only, or put it into a script of root's own";
	if (strcmp(command, "ALL") == 0)
		return "ALL is not taken; write each command with its exact arguments";
	memcpy(path, command, program);
	path[program] = '\0';
	if (!lb_path_valid(path, LB_COMMAND_MAX))
		return "this does not begin with a plain absolute path; write one such as "
		       "/usr/bin/systemctl restart postgresql";
	if (strstr(command, "  ") != NULL || command[len - 1] == ' ')
		return "there are two spaces, or one at the end; write one between the arguments";
	name = last_part(path, &name_len);
	if (is_program(name, name_len, "sudoedit") || is_program(name, name_len, "sudo"))
		return "sudo and sudoedit are not taken; write the command that is to be run";
	return NULL;
}

const char *
lb_command_root_equivalent(const char *command)
{
	size_t len;
	const char *program = last_part(command, &len);

	if (one_of(command, root_programs, COUNT(root_programs)))
		return "can get a shell of root's, for this program runs others";
	if (is_program(program, len, "systemctl") && next_word(command) == NULL)
		return "gets a pager of root's, which runs others";
	for (const char *word = next_word(command); word != NULL; word = next_word(word)) {
		size_t word_len = strcspn(word, " ");

		if (one_of(word, shells, COUNT(shells)))
			return "can get a shell of root's, for one stands among the arguments";
		for (size_t i = 0; i < COUNT(root_words); i++)
			if (is_program(program, len, root_words[i].program) &&
			    strlen(root_words[i].word) == word_len &&
			    memcmp(word, root_words[i].word, word_len) == 0)
				return "can have root run anything, by this sub-command";
	}
	return NULL;
}

static bool
below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && path[len] == '/';
}

bool
lb_command_unsafe_place(const char *command, const char *home_base)
{
	for (size_t i = 0; i < COUNT(unsafe_places); i++)
		if (below(command, unsafe_places[i]))
			return true;
	return home_base[0] != '\0' && below(command, home_base);
}

const char *
lb_group_root_equivalent(const char *group)
{
	for (size_t i = 0; i < COUNT(root_groups); i++)
		if (strcmp(group, root_groups[i].group) == 0)
			return root_groups[i].why;
	return NULL;
}
