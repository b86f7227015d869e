/* Inside of a policy source; for source.c, files.c and pack.c only. */
#ifndef LB_POLICY_SOURCE_STORE_H
#define LB_POLICY_SOURCE_STORE_H

#include "policy/source.h"

#define LB_FACT_NAME_MAX 32u /* bytes, without the NUL, as lb_unix_name_valid() has it */

struct lb_source_file {
	char *name;
	char *text;
	size_t len;
	bool host;
};

struct lb_source_fact {
	uint32_t id;
	char name[LB_FACT_NAME_MAX + 1];
};

struct lb_source_facts {
	struct lb_source_fact *fact; /* ascending by name once sorted */
	size_t count, room;
	bool sorted;
};

struct lb_source_zone {
	char name[LB_ZONE_NAME_MAX + 1], rule[LB_ZONE_NAME_MAX + 1];
};

struct lb_policy_source {
	struct lb_source_file file[LB_SOURCE_FILES_MAX];
	size_t files;
	size_t total; /* bytes of text */
	struct lb_source_facts users, groups;
	struct lb_source_zone zone[LB_SOURCE_ZONES_MAX];
	size_t zones;
	bool look; /* at this host's files, for warnings */
};

/* Appends one fact; sorted ones must come in ascending order.  LB_ERR_TOO_LONG, LB_ERR_NOMEM. */
int lb_source_facts_add(struct lb_source_facts *facts, const char *name, uint32_t id);
/* Sorts by name; of two with one name the one added first stays. */
void lb_source_facts_sort(struct lb_source_facts *facts);

#endif
