/* SPDX-License-Identifier: MIT */
/**
 * @file broker-internal.h
 * What the broker's files share.
 */
#ifndef FAKEDEV_BROKER_INTERNAL_H
#define FAKEDEV_BROKER_INTERNAL_H

#include "broker.h"
#include "broker/bells/bell.h"
#include "broker/bells/patience.h"
#include "broker/processes/domain_kill.h"
#include "broker/processes/program.h"
#include "deaths.h"
#include "hazards.h"
#include "leaks.h"
#include "listen.h"
#include "origin.h"
#include "turns.h"
#include "wire.h"

#include <gntsim/machine.h>

/** A doubly linked list, headed by a node of its own. */
struct link {
	struct link *next, *prev;
};
static inline void link_init(struct link *l)
{
	l->next = l->prev = l;
}
static inline void link_add(struct link *head, struct link *l)
{
	l->next = head;
	l->prev = head->prev;
	head->prev->next = l;
	head->prev = l;
}
static inline void link_del(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	link_init(l);
}

enum endpoint_kind {
	ENDPOINT_CLIENT, /**< of a struct client, and of nothing else */
	ENDPOINT_BELL,   /**< a client's, by which it asks */
	ENDPOINT_DEVICE,
	ENDPOINT_OTHER
};

/** Something in the epoll set. In which order a batch of events is gone through: broker.c. */
struct endpoint {
	void (*ready)(struct broker *b, struct endpoint *e, uint32_t events);
	void (*destroy)(struct endpoint *e); /**< frees it, after the batch */
	int fd;
	enum endpoint_kind kind;
	bool dead; /**< ended in this batch */
	struct link link;
};

/** All page frames, one memfd: memory of every grant. */
struct arena {
	void *memory;
	uint64_t size; /**< bytes */
	int rw;        /**< a descriptor, read-write */
	int ro;        /**< one that can't be mapped writable; -1: not yet */
};
int arena_init(struct arena *a, struct failure *f);
/** Opens the read-only one, once. @return 0 or a negative errno */
int arena_open_readonly(struct arena *a);
void arena_done(struct arena *a);

/** A client's hold on a file: an id that it may use. */
struct hold {
	struct client *client;
	struct device_file *file;
	uint32_t id;
	struct link of_file;
	bool closed; /**< the process has no descriptor of it any more, as far as was looked */
};

/** A control connection: an address space, or a command. */
struct client {
	struct endpoint endpoint; /**< first */
	struct broker *broker;
	bool greeted;
	struct link syncing; /**< in the broker's list while a WIRE_SYNC is not answered */
	bool watches;        /**< WIRE_ROLE_WATCH */
	bool traced;         /**< WIRE_ROLE_TRACED */
	bool executing;      /**< its last request was WIRE_EXEC */
	struct program program;
	struct link by_process; /**< if it is an address space */
	uint32_t below;         /**< the watch that it is below, 0 none */
	struct origin last;     /**< call, while leaks are noted */
	int part;               /**< its program, if programs are to end; -1: not known */
	uint32_t fork;          /**< the how manieth fork made it, 0 none */
	struct leak_watch noted;
	struct link watching;
	uint16_t domid;
	struct gntsim_mm *mm;    /**< NULL for commands */
	struct foreign *foreign; /**< mappings of privcmd (foreign.h) */
	struct hold **holds;     /**< by id */
	uint32_t n_holds, free_id;
	struct destroying *destroying; /**< a domain, if it waits for the answer */
	struct process_watch *watch;   /**< NULL: the connection's end is the address space's */
	struct party *party;           /**< its process, if programs take turns; NULL: not known */
	struct link parked;            /**< then: its request waits */
	struct link reading;           /**< in the broker's list while there is reads */
	struct wire_reads *reads;      /**< memory of ours and the program's; NULL: none */
	uint32_t reads_taken;
	bool is_xenstored;           /**< it has domain 0's page */
	struct device_file *writing; /**< whose WIRE_WRITE is answered later; NULL: none */
	struct client_bell *bell;    /**< NULL: none */
	bool by_bell;                /**< the request that is not answered yet came through it */
	struct link introducing;     /**< while a WIRE_INTRODUCE is not answered: of */
	uint16_t introduced;         /**< this domain */
};
int client_add(struct broker *b, int fd, struct client **out);
/** Has the address space found by its process from now on. */
void client_index(struct client *c);
/** Ends the connection when its process ends: others have the descriptor too. */
void client_watch_process(struct client *c);
/** Reads one request and serves it. @return false: there was none, or there is no more client */
bool client_serve(struct client *c);

/** WIRE_BELL: makes one, unless who decides of calls must hear of each in the socket. */
int bells_give(struct client *c, const struct wire_in *in);
/** The client ends. */
void bells_forget(struct client *c);
/** What it asks there. @return as wire_recv(), without waiting */
int bells_take(struct client *c, void *buffer, struct wire_in *in);
/** Answers it. @return as wire_send() */
int bells_answer(struct client *c, uint16_t op, int64_t result, const void *payload, size_t len);
/** NULL: it has none. */
struct bell *bells_of(const struct client *c);
/** client_serve() of what was asked there. */
void bells_serve_client(struct client *c);
struct epoll_event;
/** epoll_wait(), and a look at bells: who asks there when it returns is served by bells_serve(). */
int bells_wait(struct broker *b, struct epoll_event *events, int most, int ms);
/** @return how many were served */
int bells_serve(struct broker *b);
/** Answers all WIRE_SYNC requests. */
void client_answer_syncs(struct broker *b);
/** An answer that was left for later; ends the connection if it cannot be sent. */
void client_answer(struct client *c, enum wire_op op, int64_t result, const void *payload,
		   size_t len);
/** One request; a negative result ends the connection. */
int client_request(struct client *c, struct wire_in *in);
/** Sends the reply to a request, after the effects of what it did. @return as wire_send() */
int client_reply(struct client *c, const struct wire_in *in, int64_t result, const void *payload,
		 size_t len, const int *fds, int n_fds);
/** The answer goes where its request came from. @return as wire_send() */
int client_send(struct client *c, uint16_t op, int64_t result, const void *payload, size_t len,
		const int *fds, int n_fds);
/** Copies a message's payload; false if it has another size. */
bool client_payload(const struct wire_in *in, void *payload, size_t size);
int client_hold(struct client *c, struct device_file *file, uint32_t *id);
struct device_file *client_file(struct client *c, uint32_t id);
/** Of a link of broker.endpoints: the client that it is of, and that lives; NULL: it is of something else. */
const struct client *client_of_link(const struct link *l);
/** A process's address space, NULL if none; the newest, for one that executed a program. */
struct client *client_of_process(const struct broker *b, uint32_t process);
struct gntsim_mm *client_mm_of_process(const struct broker *b, uint32_t process);

/** An open device file as a front serves it. */
struct device_file {
	struct endpoint endpoint; /**< first; fd: the broker's end */
	struct broker *broker;
	enum wire_device device;
	uint32_t open_flags, minor;
	uint16_t domid;
	uint32_t number; /**< the how manieth of its device, from 1 */
	uint64_t cookie;
	struct gntsim_file *file; /**< NULL for privcmd and xenbus */
	struct xenbus_file *xenbus;
	uint16_t target;       /**< privcmd: the domain that it may be used for, or PRIVCMD_ANY */
	const char *text;      /**< what reading a parameter gives; while its front opens it */
	struct client *writer; /**< xenbus: who waits for the result of a write; NULL: the front */
	const struct front *front;
	void *front_data;
	struct link holds;
	struct program opener; /**< the process that opened it, if known */
	int part; /**< the program of who held it last, if programs are to end; -1: not known */
	struct program exited; /**< a holder that has exited, if leaks are noted */
	uint32_t exited_watch, opener_watch;
	bool told_of_closes; /**< the kernel tells of each at once (leaks_of_close) */
	bool opener_closed;  /**< its last descriptor, by a call */
	bool leaks_said;
	uint64_t opener_table; /**< the kernel's number of its descriptors, once it closed one */
	struct origin
	    last;       /**< call, while leaks are noted: of the holder that has exited, or, if no
			     * holder is known, the last on the file */
	uint64_t inode; /**< of the client's end, if it is a socket; else 0 */
	/* evtchn */
	uint32_t *queue; /**< ports that did not fit the socket yet */
	uint32_t n_queue, queue_room;
	uint32_t unread_most; /**< the socket has at most as many that nobody has read */
	bool overflowed;
	struct link held; /**< events wait for a program's turn */
	struct link by_cookie;
};

/** A file front: how a device file reaches a program. */
struct front {
	const char *name;
	/** A file's end is told late: its process may be gone by then, though it closed it. */
	bool ends_late;
	/** Makes the file's kernel object. @param[out] client_fd what the program gets, owned by the
	 * caller */
	int (*open)(struct device_file *f, int *client_fd);
	/** The model's ring of this evtchn file gained entries; or a xenbus file has something to
	 * read, or died. */
	void (*events)(struct device_file *f);
	/** The result of a write to a xenbus file that came from the front, and was -EINPROGRESS. */
	void (*written)(struct device_file *f, long result);
	/** Empties what was sent and not read; returns the bytes the client must take off. */
	uint32_t (*reset)(struct device_file *f);
	/** Calls @p visit for each thread that waits in a read of the file. NULL: the front does not
	 * know. */
	void (*readers)(const struct device_file *f, void (*visit)(void *ctx, uint32_t thread),
			void *ctx);
	/** The file ends: frees what the front keeps for it. May be NULL; may come twice. */
	void (*end)(struct device_file *f);
};

/** What a broker is handed of its fronts: it knows none by name. */
struct broker_fronts {
	/** The front that serves WIRE_OPEN; who shows a descriptor of it holds the file. */
	const struct front *by_descriptor;
	/** See broker_mount(). */
	int (*mount)(struct broker *b, int fd);
	/**
	 * Has character devices made for a domain, if they are not there; process @p pid uses them.
	 * @param[out] folder where below /dev; the devices are there once the kernel was answered
	 * @retval -EBUSY an unassisted machine @retval -errno of opening /dev/cuse
	 */
	int (*make_devices)(struct broker *b, uint16_t domid, uint32_t pid, char *folder,
			    size_t room);
	/** Serves what the kernel has queued: releases of files that were closed may be behind. */
	void (*drain)(struct broker *b);
	/** Ends all sessions with the kernel. */
	void (*unmount)(struct broker *b);
};

/** Opens a device for a domain through a front. */
int device_open(struct broker *b, const struct front *front, struct gntsim_domain *dom,
		enum wire_device device, uint32_t flags, struct device_file **out, int *client_fd);
/** Is there no such device in the domain: its module is not loaded, or it is domain 0's alone? */
bool device_is_missing(const struct broker *b, uint16_t domid, enum wire_device device);
/** Opens a module's parameter, to be written: a node of place/place.h. */
int device_open_parameter(struct broker *b, struct gntsim_domain *dom, uint32_t node,
			  uint32_t flags, struct device_file **out, int *client_fd);
/** Makes the device file of a dma-buf, by a descriptor; the model's stays the caller's if that fails. */
int device_open_dmabuf(struct broker *b, struct gntsim_file *dmabuf, struct device_file **out,
		       int *client_fd);
/** @return @p len or a negative errno */
long device_write_parameter(const struct device_file *f, const char *text, size_t len);
/** The last descriptor is gone: closes the model's file, ends the endpoint. */
void device_end(struct device_file *f);
/** Calls @p visit for each open device file. */
void device_each(const struct broker *b, void (*visit)(void *ctx, struct device_file *f),
		 void *ctx);
/** The file with this cookie, NULL if none. */
struct device_file *device_find(struct broker *b, uint64_t cookie);

/** Programs that no library is in: of so many it is said, and of each again when this time has passed. */
#define UNREACHED_TOLD    16u
#define UNREACHED_AGAIN_S 60
struct unreached {
	uint32_t program; /**< as WIRE_ROLE_UNREACHED names it */
	time_t told;      /**< monotonic seconds; 0: it was not */
};

#define COOKIE_BUCKETS  1024u
#define PROCESS_BUCKETS 1024u
#define PORTS_WAITING   64u

/** A process that has come to its point, and stops there to be looked at. */
struct doomed {
	struct death_program *program; /**< NULL: there is none */
	uint32_t pid, tid;
};

/** A call that may arm a notification. */
struct arming {
	struct death_program *program; /**< NULL: there is none */
	const struct gntsim_file *file;
};

struct broker {
	struct gntsim_machine *machine;
	struct arena arena;
	int epoll;
	struct listening listening;
	struct unreached unreached[UNREACHED_TOLD];
	struct link deaf; /**< listening sockets that fail (listen/accept.c) */
	bool shadows;     /**< there may be some (place/shadow.h) */
	int spare; /**< given up for a moment to refuse a client when no descriptor is free */
	char *rundir;
	struct broker_config config;
	uint64_t last_time;    /**< monotonic ns when the machine was last advanced */
	struct link endpoints; /**< all of them */
	struct link dying;     /**< ended in this batch */
	struct link hosts;     /**< FUSE and CUSE sessions */
	struct link cookies[COOKIE_BUCKETS];
	struct link processes[PROCESS_BUCKETS];
	uint32_t socket_unit; /**< SIOCOUTQ bytes that one unread port takes; 0 unknown */
	struct store *store;  /**< the xenstore (store.h); NULL: none */
	uint32_t n_opened[WIRE_DEV_MAX], n_forks;
	struct trace_clock {
		struct endpoint endpoint;
		bool runs, ticked;
		bool calls; /**< some came since it ticked */
	} trace_clock;
	struct cause cause; /**< of what the machine does now */
	struct origins origins;
	struct hazards hazards;
	unsigned int n_hazards;     /**< all, told or not */
	struct survivors survivors; /**< of the domain that was destroyed last */
	unsigned int n_leaks;       /**< told on stderr */
	uint32_t xenstored;         /**< the process of the machine's own; 0: none */
	struct link watchers;       /**< clients that watch for leaks */
	uint32_t last_watch;
	struct death_program *dying_call;     /**< ends when its call that is under way is done */
	uint32_t dying_process, dying_thread; /**< of a call that came through the kernel */
	uint64_t dying_number;
	struct death_program *mapping; /**< whose call is under way, and may ask for maps */
	uint64_t maps_before;
	struct doomed doomed;
	struct snapshot
	    *looked; /**< what came last (deaths/look.h); NULL: nothing, or it is taken */
	struct arming arming;
	struct {
		struct link recent; /**< those that asked since it last slept */
		struct patience patience;
	} bells;
	struct {
		uint32_t
		    n; /**< ports whose event waits, since that was looked at; more than have room: some */
		struct waiting_port {
			uint16_t domid;
			gntsim_port port;
		} waiting[PORTS_WAITING];
	} ports;
	struct turns *turns; /**< NULL: everybody is served when he asks */
	struct link syncs;   /**< clients that wait for the answer to a WIRE_SYNC */
	struct link reading; /**< clients that put their reads in memory */
	struct link
	    destroying;        /**< domains whose processes are being killed (requests/destroy.c) */
	unsigned char *buffer; /**< WIRE_BUFFER bytes for the request in progress */
};

int broker_add_endpoint(struct broker *b, struct endpoint *e, uint32_t events);
void broker_end_endpoint(struct broker *b, struct endpoint *e);
/**
 * Takes in who waits at a listening socket. Where nobody can be taken in it is tried again, ever more seldom, at
 * least once a second, and costs no processor; after 3 s that is said. What others use up, descriptors or memory, may
 * be there again at any time: who connects has to wait for it. For any other reason the socket is closed then: nobody
 * waits there for ever.
 * @param fd the broker's, if it succeeds @param take owns the descriptor that it is given
 * @param refuse of one for whom there is no descriptor, before he is cut off; or NULL
 * @param[out] out ended by broker_end_endpoint()
 */
int broker_listen(struct broker *b, int fd, void (*take)(struct broker *b, void *ctx, int fd),
		  void (*refuse)(int fd), void *ctx, struct endpoint **out);
/** Tries those sockets again that failed. */
void broker_listen_again(struct broker *b);
/** @return how long to wait if one wanted to wait @p timeout_ms */
int broker_listen_wait_ms(const struct broker *b, int timeout_ms);
/** Acts on what the last call changed elsewhere. */
void broker_effects(struct broker *b);
/** Lets the machine's time catch up with the clock. */
void broker_tick(struct broker *b);

/** WIRE_MMAP, WIRE_MUNMAP, WIRE_MPROTECT, WIRE_MADVISE, WIRE_MREMAP; sends the reply. */
int request_memory(struct client *c, const struct wire_in *in);
/** WIRE_MMAP that is to fail with EINTR: leaves behind what it does in the driver. No reply. */
void request_mmap_interrupted(struct client *c, const struct wire_in *in);
/** WIRE_IOCTL; sends the reply. */
int request_ioctl(struct client *c, const struct wire_in *in);
/** Shows @p look the memory that came with a WIRE_IOCTL. */
void request_ioctl_look(const struct wire_in *in,
			void (*look)(void *ctx, const struct gntsim_user_memory *um), void *ctx);
/** GNTSIM_EFFECT_RELEASED: who waits by WIRE_IOCTL is told. */
void request_dmabuf_released(struct gntsim_wait *wait);
/** WIRE_STATUS, WIRE_CREATE, WIRE_DESTROY, WIRE_ADVANCE, WIRE_LIMIT; sends the reply. */
int request_machine(struct client *c, const struct wire_in *in);
/** WIRE_DESTROY; sends the reply, or has it sent later. */
int request_destroy(struct client *c, const struct wire_in *in);
/** The client is gone: that reply is not sent. */
void request_destroy_forget(struct client *c);
/** What WIRE_DESTROY does, for nobody who waits for it. */
void request_destroy_domain(struct broker *b, uint32_t domid);
/* Whether a domain of this number was destroyed, and its processes are being killed. */
bool request_destroys(const struct broker *b, uint32_t domid);
/** An ioctl on a file that is none of the model's: privcmd's (privcmd/privcmd.h), xenbus_backend's; of the
 * others -ENOTTY. -ENODEV: the file's domain was destroyed. */
long request_other_ioctl(struct device_file *f, uint32_t cmd, uint64_t arg,
			 const struct gntsim_user_memory *um);

#endif
