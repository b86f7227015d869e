/* Customers: see customer.h. */
#include "keeper/customer.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "keeper/audit.h"
#include "policy/key.h"

/* A customer that agreed to something; NULL: it never did. */
static const struct lb_customer *
agreed(const struct lb_customer *c)
{
	return c->change != 0 ? c : NULL;
}

const struct lb_customer *
lb_customer_find(struct lb_tx *tx, const char *name)
{
	if (strcmp(tx->customer.name, name) == 0)
		return agreed(&tx->customer);
	tx->customer.name[0] = '\0';
	return lb_store_customer(tx->store, name, &tx->customer) == LB_OK ? agreed(&tx->customer)
									  : NULL;
}

bool
lb_customer_names(const char *joined, const char *name)
{
	size_t len = strlen(name);

	while (*joined != '\0') {
		size_t n = strcspn(joined, ",");

		if (n == len && memcmp(joined, name, n) == 0)
			return true;
		joined += n;
		joined += strspn(joined, LB_CUSTOMER_SEPARATOR);
	}
	return false;
}

static bool
covers(const struct lb_policy *policy, const struct lb_customer *c,
       const struct lb_policy_role *role)
{
	return c->host || lb_customer_names(c->roles, role->name) ||
	       (role->base != NULL && lb_customer_names(c->roles, role->base)) ||
	       strcmp(lb_policy_customer_of(policy, role), c->name) == 0;
}

int
lb_customer_of(struct lb_tx *tx, const struct lb_policy_role *role, struct lb_customer *customer)
{
	struct lb_customer c = {.name = ""};
	int found = LB_ERR_NOT_FOUND, err;

	while ((err = lb_store_next_customer(tx->store, c.name, &c)) == LB_OK) {
		if (!c.on || !covers(tx->k->policy, &c, role))
			continue;
		found = found == LB_ERR_NOT_FOUND ? LB_OK : LB_ERR_EXISTS;
		*customer = c;
	}
	return err == LB_ERR_NOT_FOUND ? found : err;
}

bool
lb_customer_same(struct lb_tx *tx, const struct lb_grant *g)
{
	const struct lb_policy_role *role = lb_policy_role(tx->k->policy, g->role);
	struct lb_customer c;
	int err = role != NULL ? lb_customer_of(tx, role, &c) : LB_ERR_EXISTS;

	return err == LB_ERR_NOT_FOUND || (err == LB_OK && strcmp(c.name, g->customer) == 0);
}

bool
lb_customer_holds(const struct lb_customer *c, const char *identity)
{
	for (size_t i = 0; i < c->keys; i++)
		if (strcmp(c->key[i].identity, identity) == 0)
			return true;
	return false;
}

bool
lb_customer_in_roster(struct lb_tx *tx, const char *customer, const char *identity)
{
	const struct lb_customer *c = lb_customer_find(tx, customer);

	return c != NULL && lb_customer_holds(c, identity) &&
	       lb_policy_identity(tx->k->policy, identity) != NULL;
}

bool
lb_customer_approver(struct lb_tx *tx, const char *customer, const char *identity)
{
	return lb_customer_in_roster(tx, customer, identity) &&
	       !lb_policy_in_a_team(tx->k->policy, identity);
}

unsigned
lb_customer_approvals(struct lb_tx *tx, const char *customer)
{
	const struct lb_customer *c = lb_customer_find(tx, customer);

	return c != NULL ? c->approvals : 0;
}

bool
lb_customer_any(struct lb_tx *tx, const char *identity)
{
	struct lb_customer c = {.name = ""};

	while (lb_store_next_customer(tx->store, c.name, &c) == LB_OK)
		if (lb_customer_in_roster(tx, c.name, identity))
			return true;
	return false;
}

void
lb_customer_fingerprint(const char *line, char *out)
{
	struct lb_key key;
	const char *why;

	out[0] = '\0';
	if (lb_key_parse(line, &key, &why) == LB_OK)
		memcpy(out, key.fingerprint, sizeof key.fingerprint);
}

bool
lb_customer_key(struct lb_tx *tx, const char *customer, const char *identity,
		const char *fingerprint)
{
	const struct lb_customer *c = lb_customer_find(tx, customer);
	char pinned[LB_KEY_FINGERPRINT_MAX];

	for (size_t i = 0; c != NULL && i < c->keys; i++) {
		lb_customer_fingerprint(c->key[i].key, pinned);
		if (strcmp(c->key[i].identity, identity) == 0 && pinned[0] != '\0' &&
		    strcmp(pinned, fingerprint) == 0)
			return true;
	}
	return false;
}

bool
lb_customer_takes(struct lb_tx *tx, const struct lb_grant *g, const char *identity,
		  const char *fingerprint)
{
	return g->customer[0] == '\0' || !lb_customer_approver(tx, g->customer, identity) ||
	       lb_customer_key(tx, g->customer, identity, fingerprint);
}

/* -- what is a customer's -------------------------------------------------------------- */

bool
lb_customer_label(const struct lb_policy *p, struct lb_customer *c)
{
	if (strcmp(lb_policy_host(p)->customer, c->name) == 0)
		c->host = 1;
	for (size_t i = 0; i < lb_policy_roles(p); i++) {
		const struct lb_policy_role *role = lb_policy_role_at(p, i);
		size_t used = strlen(c->roles), need = strlen(role->name) + 2;

		if (strcmp(role->customer, c->name) != 0 || lb_customer_names(c->roles, role->name))
			continue;
		if (used + need >= sizeof c->roles)
			return false;
		snprintf(c->roles + used, sizeof c->roles - used, "%s%s",
			 used > 0 ? LB_CUSTOMER_SEPARATOR : "", role->name);
	}
	return true;
}

/* -- changing it ----------------------------------------------------------------------- */

/* False: there is no room for it. */
static bool __attribute__((format(printf, 3, 4)))
add(char out[LB_CHANGE_MAX + 1], size_t *used, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(out + *used, LB_CHANGE_MAX + 1 - *used, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n > LB_CHANGE_MAX - *used)
		return false;
	*used += (size_t)n;
	return true;
}

/* Names hold nothing that would need an escape: all were checked when they were read. */
int
lb_customer_statement(const char *host, const struct lb_customer *c, char out[LB_CHANGE_MAX + 1])
{
	char fingerprint[LB_KEY_FINGERPRINT_MAX];
	const char *role = c->roles;
	size_t used = 0;
	char nonce[2 * LB_NONCE_SIZE + 1];
	bool fits = add(out, &used, "lockbox-customer 1\nhost: %s\ncustomer: %s\nchange: %llu\n",
			host, c->name, (unsigned long long)c->change);

	sodium_bin2hex(nonce, sizeof nonce, c->nonce, sizeof c->nonce);
	fits = fits && add(out, &used, "nonce: %s\n", nonce);
	fits = fits && add(out, &used, "lockbox: %s\napprovals: %u\nbreak-glass: %s\n",
			   c->on ? "on" : "off", c->approvals, c->break_glass ? "on" : "off");
	for (size_t i = 0; fits && i < c->keys; i++) {
		lb_customer_fingerprint(c->key[i].key, fingerprint);
		fits = add(out, &used, "approver: %s %.*s %s\n", c->key[i].identity,
			   (int)strcspn(c->key[i].key, " "), c->key[i].key, fingerprint);
	}
	if (c->host)
		fits = fits && add(out, &used, "covers: host\n");
	while (fits && !c->host && *role != '\0') {
		size_t n = strcspn(role, ",");

		fits = add(out, &used, "covers: role %.*s\n", (int)n, role);
		role += n;
		role += strspn(role, LB_CUSTOMER_SEPARATOR);
	}
	return fits ? LB_OK : LB_ERR_TOO_LONG;
}

int
lb_customers_pin(struct lb_tx *tx)
{
	struct lb_customer c = {.name = ""}, before;
	char statement[LB_CHANGE_MAX + 1];
	int err;

	while ((err = lb_store_next_customer(tx->store, c.name, &c)) == LB_OK) {
		if (c.change == 0)
			continue;
		before = c;
		/* Too many to be named: then all, or the customer could sign nothing any more. */
		if (!lb_customer_label(tx->k->policy, &c) ||
		    lb_customer_statement(lb_keeper_host(tx->k), &c, statement) != LB_OK)
			c.host = 1;
		if (c.host == before.host && strcmp(c.roles, before.roles) == 0)
			continue;
		tx->customer.name[0] = '\0';
		err = lb_store_put_customer(tx->store, &c);
		if (err == LB_OK)
			err = lb_audit(tx, "customer-covers", NULL, "", "customer %s: %s%s", c.name,
				       c.host ? "the host" : "roles ", c.host ? "" : c.roles);
		if (err != LB_OK)
			return err;
	}
	return err == LB_ERR_NOT_FOUND ? LB_OK : err;
}
