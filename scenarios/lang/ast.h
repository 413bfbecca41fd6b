/* SPDX-License-Identifier: MIT */
/* A script after parsing. Everything lives in the scenario's arena. */
#ifndef SCN_AST_H
#define SCN_AST_H

#include "arena.h"
#include "call.h"
#include "capability.h"
#include "source.h"

enum scn_node_kind {
	SCN_NUMBER,   /* number; also a resolved constant, whose name is text */
	SCN_NAME,     /* text; slot after the check; child: an index, or none */
	SCN_DOMAIN,   /* text "domN"; number: position in the scenario's domains */
	SCN_WILDCARD, /* _ */
	SCN_STRING,   /* text with quotes */
	SCN_NEGATE,
	SCN_INVERT,
	SCN_ADD,
	SCN_SUBTRACT,
	SCN_MULTIPLY,
	SCN_SHIFT,
	SCN_AND,
	SCN_OR,
	SCN_STRUCT,   /* children: FIELD */
	SCN_FIELD,    /* text: name; child: value */
	SCN_LIST,     /* children: items */
	SCN_EACH,     /* ITEM for text in FROM..TO: children item, from, to; slot of text */
	SCN_SEQUENCE, /* bytes side by side: children */
	SCN_FUNCTION, /* text(children): u16 u32 u64 fill bytes */
	SCN_READONLY, /* child: memory that the call can't write */
	SCN_SHORT,    /* children: memory; how many bytes of it are accessible */
};

struct scn_node {
	enum scn_node_kind kind;
	struct scn_pos pos;
	struct scn_str text;
	uint64_t number;
	uint32_t slot;
	uint32_t height; /* of an expression: how many stand inside each other */
	struct scn_node *first, *next;
};

enum scn_guest { SCN_PV, SCN_PVH };

struct scn_version {
	unsigned int major, minor;
	int patch; /* -1: none is said */
};

enum scn_arch { SCN_AMD64, SCN_ARM64 };
enum scn_xsm { SCN_XSM_DUMMY, SCN_XSM_SILO };

/* What a machine is, under its domains' kernels. */
struct scn_platform {
	struct scn_version xen;
	enum scn_arch arch;
	enum scn_xsm xsm;
};

enum scn_compare { SCN_LT, SCN_LE, SCN_EQ, SCN_NE, SCN_GE, SCN_GT };

/* One term of a condition; a list of them holds if every one does. */
struct scn_condition {
	struct scn_pos pos;
	enum { SCN_IF_GUEST, SCN_IF_KERNEL, SCN_IF_XEN, SCN_IF_ARCH, SCN_IF_XSM, SCN_IF_LIFE } kind;
	struct scn_str domain_name; /* GUEST; empty: the one domain that varies */
	uint32_t domain;            /* GUEST: position, after the check */
	enum scn_guest guest;
	enum scn_compare compare;
	struct scn_version version;  /* KERNEL, XEN */
	enum scn_arch arch;          /* ARCH: == or != */
	enum scn_xsm xsm;            /* XSM: the same */
	struct scn_str process_name; /* LIFE */
	uint32_t process;            /* LIFE: after the check */
	bool lives;                  /* LIFE: or it has died */
	struct scn_condition *next;
};

enum scn_expect {
	SCN_EXPECT_VALUE,  /* value matches; not an error */
	SCN_EXPECT_ERROR,  /* -1 and an errno */
	SCN_EXPECT_SIGNAL, /* the access faults */
	SCN_EXPECT_BLOCKS, /* the call would wait */
	SCN_EXPECT_CRASH,  /* the real kernel crashes here; value: STRING or none */
};

/* What may come back: "-1 EINVAL if pv". */
struct scn_alternative {
	struct scn_pos pos;
	struct scn_str text;
	enum scn_expect expect;
	struct scn_node *value;
	struct scn_node *error; /* ERROR: the errno's node, or a wildcard */
	int signal;
	struct scn_node *out;  /* STRUCT, LIST or bytes() that the call filled in; or NULL */
	struct scn_str hazard; /* quoted: the kernel also harms itself, and goes on; or empty */
	struct scn_condition *condition; /* NULL: always */
	struct scn_alternative *next;
};

/* In a branch: what becomes of it when something else comes back. */
enum scn_otherwise {
	SCN_ELSE_FAIL,
	SCN_ELSE_WAIT, /* the step is not done yet */
	SCN_ELSE_STOP, /* the branch ends here */
};

/* limits of a domain: gntalloc_limit=4 */
struct scn_setting {
	struct scn_pos pos;
	struct scn_str name;
	enum gntsim_limit limit;
	struct scn_node *value;
	struct scn_setting *next;
};

struct scn_domain_decl {
	struct scn_pos pos;
	struct scn_str name;
	uint16_t number;
	bool pv, pvh; /* the guests it is played as; neither: any */
	struct scn_setting *settings;
	struct scn_domain_decl *next;
};

struct scn_process_decl {
	struct scn_pos pos;
	struct scn_str name, domain_name;
	uint32_t domain;
	bool forked; /* made by a fork() step, not at the start */
	struct scn_process_decl *next;
};

enum scn_step_kind {
	SCN_STEP_CALL,
	SCN_STEP_KILL,
	SCN_STEP_ADVANCE,
	SCN_STEP_DESTROY,
	SCN_STEP_SET,
	SCN_STEP_FAIL,
	SCN_STEP_RAISE,
	SCN_STEP_EXPECT,
	SCN_STEP_PARALLEL, /* body: each process's steps, in their order, are a branch */
	SCN_STEP_ALWAYS,   /* body: holds before and after every step of later PARALLELs */
};

struct scn_step {
	struct scn_pos pos;
	struct scn_str text;   /* the whole statement */
	struct scn_str action; /* without `if` and `for` */
	enum scn_step_kind kind;
	struct scn_condition *condition; /* if …: */
	struct scn_node *loop;           /* for i in A..B: an EACH without item, or NULL */
	struct scn_str process_name;     /* CALL, KILL */
	uint32_t process;
	enum scn_call_kind call;
	struct scn_pos call_pos;
	struct scn_node *args;
	struct scn_node *bind; /* x = call(…) */
	struct scn_alternative *alternatives;
	enum scn_otherwise otherwise; /* CALL in a PARALLEL; STOP in an ALWAYS, too */
	struct scn_str target;        /* fork's child, send_fd's receiver */
	uint32_t target_process;
	struct scn_str domain_name; /* DESTROY, SET, RAISE */
	uint32_t domain;
	struct scn_setting *settings; /* SET */
	struct scn_node *value;       /* ADVANCE: count of unit; FAIL; RAISE; EXPECT: a STRUCT */
	uint64_t unit;                /* ADVANCE: nanoseconds */
	bool mmap;                    /* FAIL: of PV's gntdev; else an allocation */
	struct scn_step *body;        /* PARALLEL, ALWAYS */
	struct scn_step *next;
};

struct scn_scenario {
	struct scn_source source;
	struct scn_arena arena;
	struct scn_domain_decl *domains;
	struct scn_process_decl *processes;
	struct scn_condition *holds_for; /* kernels, hypervisors, machines; NULL: all */
	struct scn_setting *machine;     /* machine frames=16 */
	struct scn_step *steps;
	uint32_t n_domains, n_processes, n_slots;
	uint64_t needs; /* capabilities: said by `needs`, and found in the steps */
};

void scn_scenario_free(struct scn_scenario *s);
#define scn_cleanup_scenario __attribute__((cleanup(scn_scenario_free)))

#endif
