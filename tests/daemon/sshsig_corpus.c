/*
 * Signatures, good and damaged, shown to keeper/sshsig.h and to `ssh-keygen -Y verify`.
 *
 *	sshsig_corpus			compare; in an empty directory, which it fills
 *	sshsig_corpus sign APPLICATION NAMESPACE
 *					what a hardware key would answer to standard input, as ssh-keygen
 *					-Y sign writes it; the key is fixed, and its .pub line is
 *	sshsig_corpus key APPLICATION
 *
 * What is taken here must be taken there.  What is refused here must be refused there, unless the
 * reason is one of those that sshsig.h lists as its own.  Each of them is seen at least once.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/sshsig_make.h"
#include "err.h"
#include "keeper/sshsig.h"

#define SPACE "lockbox-approval"
#define TEXT_MAX 16384

static const char message[] = "lockbox-approval 1\nrequest: R-17\nreason: \xc3\xbc\n";
static unsigned runs, taken, refused, own, bad;

/* Reasons that ssh-keygen does not have; `seen` counts a signature that it took. */
static struct {
	const char *why;
	unsigned seen;
} stricter[] = {
	{"is by a key of another type than ssh-ed25519 and sk-ssh-ed25519@openssh.com; sign with "
	 "one of these",
	 0},
	{"is by a hardware key that nobody touched", 0},
	{"has something behind its last line; give the one signature alone", 0},
	{"is of a version that is not known here", 0},
	{"has content in a field that is reserved", 0},
	{"has a namespace that makes no sense", 0},
	{"is too long for one of a key ssh-ed25519 or sk-ssh-ed25519@openssh.com", 0},
};

/* Those whose reason others have as well: only where a case says so. */
enum also { NOTHING_ELSE, ONE_FORM, ZERO_BYTE };

static void
fatal(const char *what)
{
	fprintf(stderr, "sshsig_corpus: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void
put_file(const char *name, const void *bytes, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len || close(fd) != 0)
		fatal(name);
}

static size_t
get_file(const char *name, char *bytes, size_t cap)
{
	int fd = open(name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, cap);

	if (n < 0 || close(fd) != 0)
		fatal(name);
	return (size_t)n;
}

/* Runs ssh-keygen; its standard input is the file in, its output goes to out.  Its status. */
static int
ssh_keygen(const char *in, const char *out, char *const argv[])
{
	posix_spawn_file_actions_t fa;
	int status;
	pid_t pid;

	if (posix_spawn_file_actions_init(&fa) != 0 ||
	    posix_spawn_file_actions_addopen(&fa, 0, in, O_RDONLY, 0) != 0 ||
	    posix_spawn_file_actions_addopen(&fa, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600) ||
	    posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0) != 0 ||
	    posix_spawnp(&pid, "ssh-keygen", &fa, NULL, argv, environ) != 0)
		fatal("ssh-keygen");
	posix_spawn_file_actions_destroy(&fa);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		fatal("ssh-keygen");
	return WEXITSTATUS(status);
}

/* The allowed_signers of everybody; the key of a .pub file or line is theirs. */
static void
allow(const char *line)
{
	char text[TEXT_MAX];
	int len = snprintf(text, sizeof text, "bob %s\n", line);

	put_file("allowed", text, (size_t)len);
}

static bool
keygen_takes(const char *text, size_t len, const char *space)
{
	char name[256];
	char *argv[] = {(char[]){"ssh-keygen"}, (char[]){"-Y"},	     (char[]){"verify"},
			(char[]){"-f"},		(char[]){"allowed"}, (char[]){"-I"},
			(char[]){"bob"},	(char[]){"-n"},	     name,
			(char[]){"-s"},		(char[]){"sig"},     NULL};

	snprintf(name, sizeof name, "%s", space);
	put_file("sig", text, len);
	runs++;
	return ssh_keygen("message", "/dev/null", argv) == 0;
}

static const char *
our_verdict(const char *text, size_t len, const char *space, const uint8_t *key, size_t key_len)
{
	struct lb_sshsig sig;
	const char *why = "";

	if (lb_sshsig_parse(text, len, &sig, &why) != LB_OK ||
	    lb_sshsig_verify(&sig, space, key, key_len, message, sizeof message - 1, &why) != LB_OK)
		return why;
	return "";
}

static bool
is_stricter(const char *why, enum also also)
{
	for (size_t i = 0; i < sizeof stricter / sizeof stricter[0]; i++)
		if (strcmp(stricter[i].why, why) == 0) {
			stricter[i].seen++;
			return true;
		}
	return (also == ONE_FORM && strcmp(why, "does not fit what was to be signed") == 0) ||
	       also == ZERO_BYTE;
}

/* One signature, both verdicts. */
static void
compare(const char *what, const char *text, size_t len, const char *space, const uint8_t *key,
	size_t key_len, enum also also)
{
	const char *why = our_verdict(text, len, space, key, key_len);
	bool theirs = keygen_takes(text, len, space);

	if (theirs && *why == '\0') {
		taken++;
	} else if (!theirs && *why != '\0') {
		refused++;
	} else if (theirs && is_stricter(why, also)) {
		own++;
	} else {
		bad++;
		printf("%s: ssh-keygen %s it, and here it %s\n%.*s\n", what,
		       theirs ? "takes" : "refuses", *why != '\0' ? why : "is taken", (int)len,
		       text);
	}
}

/* A signature that must be good in both eyes, damaged in many ways; every step-th byte. */
static void
damage(const char *what, const char *text, size_t len, const uint8_t *key, size_t key_len,
       size_t step)
{
	uint8_t blob[TEXT_MAX];
	char changed[TEXT_MAX], other[MADE_MAX];
	size_t size = 0, end;
	unsigned before = taken;

	compare(what, text, len, SPACE, key, key_len, NOTHING_ELSE);
	if (taken != before + 1) {
		bad++;
		printf("%s: the good one is not taken\n", what);
	}
	compare("another namespace", text, len, "file", key, key_len, NOTHING_ELSE);
	for (size_t i = 0; i < len; i += step) {
		memcpy(changed, text, len);
		changed[i] = (char)(changed[i] ^ (1 << i % 8));
		compare("a bit of the text", changed, len, SPACE, key, key_len, ZERO_BYTE);
	}
	for (size_t i = 0; i < len; i += 4 * step)
		compare("cut short", text, i, SPACE, key, key_len, NOTHING_ELSE);
	compare("without newline", text, len - 1, SPACE, key, key_len, NOTHING_ELSE);
	end = (size_t)(strstr(text, "\n-----END") - text);
	if (sodium_base642bin(blob, sizeof blob, text + 30, end - 30, "\n", &size, NULL,
			      sodium_base64_VARIANT_ORIGINAL) != 0)
		fatal("base64");
	for (size_t i = 0; i < size; i += step) {
		blob[i] ^= (uint8_t)(1u << (i + 3) % 8);
		compare("a bit of the blob", other, make_armor(blob, size, other), SPACE, key,
			key_len, NOTHING_ELSE);
		blob[i] ^= (uint8_t)(1u << (i + 3) % 8);
	}
	for (size_t i = 0; i < size; i += 6 * step)
		compare("a short blob", other, make_armor(blob, i, other), SPACE, key, key_len,
			NOTHING_ELSE);
	blob[size] = 0;
	compare("a byte behind the blob", other, make_armor(blob, size + 1, other), SPACE, key,
		key_len, NOTHING_ELSE);
	blob[9] = 0; /* the version's last byte */
	compare("version 0", other, make_armor(blob, size, other), SPACE, key, key_len,
		NOTHING_ELSE);
	blob[9] = 2;
	compare("version 2", other, make_armor(blob, size, other), SPACE, key, key_len,
		NOTHING_ELSE);
}

/* The text with `from` replaced by `to`, all of them or the first. */
static size_t
replaced(const char *text, const char *from, const char *to, bool all, char out[TEXT_MAX])
{
	size_t used = 0;

	for (const char *p = text; *p != '\0';) {
		bool here = strncmp(p, from, strlen(from)) == 0;

		used += (size_t)snprintf(out + used, TEXT_MAX - used, "%.*s",
					 here ? (int)strlen(to) : 1, here ? to : p);
		p += here ? strlen(from) : 1;
		if (here && !all) {
			used += (size_t)snprintf(out + used, TEXT_MAX - used, "%s", p);
			break;
		}
	}
	return used;
}

static void
armor(const char *text, size_t len, const uint8_t *key, size_t key_len)
{
	static const struct {
		const char *from, *to;
		bool all;
	} cases[] = {
		{"\n", "\r\n", true},
		{"\n", "", true},
		{"\n", "\n\n", true},
		{"-----B", "\n-----B", false},
		{"-----B", " -----B", false},
		{"-----B", "----B", false},
		{"SIGNATURE-----\n", "SIGNATURE----- \n", false},
		{"\n-----E", "-----E", false},
		{"\n-----E", "\n\n-----E", false},
		{"\n-----E", " \n-----E", false},
		{"\n-----E", "\n -----E", false},
		{"\n-----E", "=\n-----E", false},
		{"\n-----E", "====\n-----E", false},
		{"\n-----E", "A\n-----E", false},
		{"END", "end", false},
		{"BEGIN SSH", "BEGIN  SSH", false},
		{"-----END SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\r\n", false},
		{"-----END SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\n\n", false},
		{"-----END SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----x\n", false},
		{"-----END SSH SIGNATURE-----\n", "-----END SSH SIGNATURE----\n", false},
		{"U1NIU0lH", "U1NI U0lH", false},
		{"U1NIU0lH", "U1NI\tU0lH", false},
		{"U1NIU0lH", "U1NI\v\f\rU0lH", false},
		{"U1NIU0lH", "U1NI=U0lH", false},
		{"U1NIU0lH", "U1NI-U0lH", false},
		{"U1NIU0lH", "U1NI\xa0U0lH", false},
		{"U1NIU0lH", "AU1NIU0lH", false},
		{"U1NIU0lH", "", false},
		{"AAA", "A\nA\nA\n", true},
		{"/", "\xaf", true},
		{"+", "\xab", true},
		{"/", "_", true},
		{"+", "-", true},
		{"=", "", true},
		{"=", "\n=", true},
	};
	char changed[TEXT_MAX], twice[TEXT_MAX];
	size_t n;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		n = replaced(text, cases[i].from, cases[i].to, cases[i].all, changed);
		compare(cases[i].to, changed, n, SPACE, key, key_len, NOTHING_ELSE);
	}
	n = (size_t)snprintf(twice, sizeof twice, "%s%s", text, text);
	compare("two of them", twice, n, SPACE, key, key_len, NOTHING_ELSE);
	compare("nothing", "", 0, SPACE, key, key_len, NOTHING_ELSE);
	/* A zero byte behind the base64: ssh-keygen's copy of the string ends there. */
	n = replaced(text, "\n-----E", "\n#\n-----E", false, changed);
	*strchr(changed, '#') = '\0';
	compare("a zero byte", changed, n, SPACE, key, key_len, ZERO_BYTE);
	memset(changed, '\n', sizeof changed);
	memcpy(changed, text, 40);
	memcpy(changed + 2500, text + 40, len - 40);
	compare("too long", changed, 2500 + len - 40, SPACE, key, key_len, NOTHING_ELSE);
}

/* A key pair of ssh-keygen's: its .pub line, decoded as well. */
static size_t
real_key(const char *name, const char *kind, uint8_t key[TEXT_MAX])
{
	char file[64], pub[TEXT_MAX], *base64, type[32];
	char *argv[] = {(char[]){"ssh-keygen"},
			(char[]){"-q"},
			(char[]){"-t"},
			type,
			(char[]){"-N"},
			(char[]){""},
			(char[]){"-C"},
			(char[]){""},
			(char[]){"-f"},
			file,
			NULL};
	size_t len;

	snprintf(file, sizeof file, "%s", name);
	snprintf(type, sizeof type, "%s", kind);
	if (ssh_keygen("/dev/null", "/dev/null", argv) != 0)
		fatal(name);
	snprintf(file, sizeof file, "%s.pub", name);
	pub[get_file(file, pub, sizeof pub - 1)] = '\0';
	pub[strcspn(pub, "\n")] = '\0';
	base64 = strchr(pub, ' ') + 1;
	base64[strcspn(base64, " ")] = '\0';
	if (sodium_base642bin(key, TEXT_MAX, base64, strlen(base64), NULL, &len, NULL,
			      sodium_base64_VARIANT_ORIGINAL) != 0)
		fatal(file);
	allow(pub);
	return len;
}

static size_t
real_signature(const char *name, const char *space, const char *hash, char text[TEXT_MAX])
{
	char file[64], in[256], option[64];
	char *argv[] = {(char[]){"ssh-keygen"},
			(char[]){"-q"},
			(char[]){"-Y"},
			(char[]){"sign"},
			(char[]){"-O"},
			option,
			(char[]){"-n"},
			in,
			(char[]){"-f"},
			file,
			NULL};
	size_t len;

	snprintf(file, sizeof file, "%s", name);
	snprintf(in, sizeof in, "%s", space);
	snprintf(option, sizeof option, "hashalg=%s", hash);
	if (ssh_keygen("message", "made", argv) != 0)
		fatal("ssh-keygen -Y sign");
	len = get_file("made", text, TEXT_MAX - 1);
	text[len] = '\0';
	return len;
}

static void
real_ones(void)
{
	static const char long_space[] =
		"a-namespace-that-is-much-longer-than-anybody-would-ever-want-to-write";
	uint8_t key[TEXT_MAX], other[TEXT_MAX];
	char text[TEXT_MAX];
	size_t key_len = real_key("bob", "ed25519", key), len, other_len;

	len = real_signature("bob", SPACE, "sha512", text);
	damage("ed25519, sha512", text, len, key, key_len, 1);
	armor(text, len, key, key_len);
	len = real_signature("bob", SPACE, "sha256", text);
	damage("ed25519, sha256", text, len, key, key_len, 7);
	len = real_signature("bob", long_space, "sha512", text);
	compare("a long namespace", text, len, long_space, key, key_len, NOTHING_ELSE);
	other_len = real_key("eve", "ed25519", other); /* eve's is what is allowed from now on */
	len = real_signature("bob", SPACE, "sha512", text);
	compare("another key", text, len, SPACE, other, other_len, NOTHING_ELSE);
	other_len = real_key("rsa", "rsa", other);
	len = real_signature("rsa", SPACE, "sha512", text);
	compare("rsa", text, len, SPACE, other, other_len, NOTHING_ELSE);
	other_len = real_key("ecdsa", "ecdsa", other);
	len = real_signature("ecdsa", SPACE, "sha512", text);
	compare("ecdsa", text, len, SPACE, other, other_len, NOTHING_ELSE);
}

/* S + order: the same number to those who reduce it. */
static void
other_form(const struct maker *m, const struct making *what, char text[MADE_MAX], size_t *len)
{
	static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
					  0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
					  0,	0,    0,    0,	  0,	0,    0,    0,
					  0,	0,    0,    0,	  0,	0,    0,    0x10};
	uint8_t bytes[MADE_MAX], signature[64], blob[MADE_MAX];
	size_t n = make_signed(m, what, bytes);
	unsigned carry = 0;

	crypto_sign_detached(signature, NULL, bytes, n, m->secret);
	for (size_t i = 0; i < 32; i++) {
		carry += (unsigned)signature[32 + i] + order[i];
		signature[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	*len = make_armor(blob, make_blob_around(m, what, signature, blob), text);
}

/* Signatures as an authenticator makes them, and such as ssh-keygen would not make. */
static void
made_ones(const struct maker *m, size_t step)
{
	const struct making good = making_default(SPACE, message, sizeof message - 1);
	struct making what = good;
	uint8_t key[MADE_MAX];
	char text[MADE_MAX], line[MADE_MAX];
	size_t key_len = maker_key(m, key), len = make_signature(m, &what, text);

	maker_line(m, line);
	allow(line);
	damage(line, text, len, key, key_len, step);
	what.hash = "sha256";
	damage(line, text, make_signature(m, &what, text), key, key_len, 5 * step);
	what = good;
	for (unsigned flags = 0; flags < 256 && m->application != NULL; flags += 51) {
		what.flags = (uint8_t)(flags == 255 ? 4 : flags);
		what.counter = flags << 24;
		compare("flags", text, make_signature(m, &what, text), SPACE, key, key_len,
			NOTHING_ELSE);
	}
	what = good;
	what.reserved = "something";
	compare("reserved", text, make_signature(m, &what, text), SPACE, key, key_len,
		NOTHING_ELSE);
	what = good;
	what.space = "";
	compare("an empty namespace", text, make_signature(m, &what, text), SPACE, key, key_len,
		NOTHING_ELSE);
	what = good;
	what.hash = "sha384";
	compare("hash", text, make_signature(m, &what, text), SPACE, key, key_len, NOTHING_ELSE);
	what = good;
	what.message = "other";
	what.len = 5;
	compare("message", text, make_signature(m, &what, text), SPACE, key, key_len, NOTHING_ELSE);
	other_form(m, &good, text, &len);
	compare("another form", text, len, SPACE, key, key_len, ONE_FORM);
}

static int
all(void)
{
	const struct maker plain = maker_new(1, NULL), hardware = maker_new(2, "ssh:"),
			   named = maker_new(3, "ssh:a-name-for-lockbox");

	put_file("message", message, sizeof message - 1);
	real_ones();
	made_ones(&hardware, 1);
	made_ones(&named, 9);
	made_ones(&plain, 9);
	for (size_t i = 0; i < sizeof stricter / sizeof stricter[0]; i++) {
		printf("%5u taken by ssh-keygen alone; here it %s\n", stricter[i].seen,
		       stricter[i].why);
		if (stricter[i].seen == 0)
			bad++;
	}
	printf("%u signatures: %u taken by both, %u refused by both, %u by design here only, "
	       "%u wrong\n",
	       runs, taken, refused, own, bad);
	return bad == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	static char text[65536];
	char out[MADE_MAX];
	size_t len = 0;

	if (sodium_init() < 0)
		return 2;
	if (argc == 1)
		return all();
	if (argc == 3 && strcmp(argv[1], "key") == 0) {
		const struct maker m = maker_new(77, argv[2]);

		maker_line(&m, out);
		puts(out);
		return 0;
	}
	if (argc == 4 && strcmp(argv[1], "sign") == 0) {
		const struct maker m = maker_new(77, argv[2]);
		ssize_t n;

		while ((n = read(0, text + len, sizeof text - len)) > 0)
			len += (size_t)n;
		const struct making what = making_default(argv[3], text, len);

		make_signature(&m, &what, out);
		fputs(out, stdout);
		return 0;
	}
	fputs("usage: sshsig_corpus [sign APPLICATION NAMESPACE | key APPLICATION]\n", stderr);
	return 2;
}
