/*
 * daemon_policy N: a policy of N people, p0 to p<N - 1>, who may all have the role bench, on
 * standard output.  Each has a key that nobody can use: its secret half is thrown away.
 */
#include <arpa/inet.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char type[] = "ssh-ed25519";

static void
identity(const char *name)
{
	uint8_t blob[4 + sizeof type - 1 + 4 + crypto_sign_PUBLICKEYBYTES], *at = blob;
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	char text[sodium_base64_ENCODED_LEN(sizeof blob, sodium_base64_VARIANT_ORIGINAL)];
	uint32_t n = htonl(sizeof type - 1);

	memcpy(at, &n, 4);
	memcpy(at + 4, type, sizeof type - 1);
	at += 4 + sizeof type - 1;
	n = htonl(crypto_sign_PUBLICKEYBYTES);
	memcpy(at, &n, 4);
	crypto_sign_keypair(at + 4, secret);
	sodium_bin2base64(text, sizeof text, blob, sizeof blob, sodium_base64_VARIANT_ORIGINAL);
	printf("identity %s { keys = {\"%s %s\"} }\n", name, type, text);
}

int
main(int argc, char **argv)
{
	int n = argc == 2 ? atoi(argv[1]) : 0;
	char name[16];

	if (n < 1 || sodium_init() < 0)
		return 1;
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof name, "p%d", i);
		identity(name);
	}
	identity("chief");
	printf("team many { members = {");
	for (int i = 0; i < n; i++)
		printf("%s\"p%d\"", i > 0 ? ", " : "", i);
	printf("} }\nteam chiefs { members = {\"chief\"} }\n"
	       "role bench { requesters = {\"many\"} approvers = {\"chiefs\"} max-duration = "
	       "\"4h\" "
	       "default-duration = \"10m\" max-per-day = \"24h\" sessions = 1 }\n");
	return fflush(stdout) == 0 ? 0 : 1;
}
