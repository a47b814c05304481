/* The event loop of a server: see server.h. connections.c has what happens on one connection. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "server_internal.h"

enum {
    EVENTS = 64,
    ACCEPTS = 64, /* between two looks at the existing connections */
};

/* The sources of events, beside connections. Only the addresses of these are used. */
static char about_listener, about_wakeup, about_mailbox;

static bool control(struct bb_server *server, int operation, int descriptor, uint32_t events,
                    void *about)
{
    struct epoll_event event = {.events = events, .data.ptr = about};
    return epoll_ctl(server->epoll, operation, descriptor, &event) == 0;
}

bool bb_connection_watch(struct connection *connection)
{
    return control(connection->server, EPOLL_CTL_ADD, connection->descriptor, EPOLLIN | EPOLLRDHUP,
                   connection);
}

void bb_connection_watch_output(struct connection *connection, bool output)
{
    control(connection->server, EPOLL_CTL_MOD, connection->descriptor,
            EPOLLIN | EPOLLRDHUP | (output ? EPOLLOUT : 0), connection);
}

/* Listen, or let new connections wait while there are no descriptors or memory for them. */
static void set_listening(struct bb_server *server, bool listening)
{
    if (server->listening != listening) {
        bool done = control(server, listening ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
                            server->options.listener, EPOLLIN, &about_listener);
        server->listening = listening && done;
    }
}

/* Find the process at the other end; return whether its user may use the server. */
static bool identify(const struct bb_server *server, int descriptor, struct ucred *who)
{
    socklen_t length = sizeof *who;

    return getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, who, &length) == 0 &&
           (server->options.any_user || who->uid == geteuid() || who->uid == 0);
}

/* Refuse a whole request: the few bytes fit into the socket's buffer. */
static void refuse(int descriptor, enum bb_reply reply)
{
    uint8_t answer[BB_HEADER_BYTES];
    bb_write_reply(answer, reply, 0, 0);
    (void)!send(descriptor, answer, sizeof answer, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void turn_away(int descriptor, enum bb_reply reply)
{
    refuse(descriptor, reply);
    close(descriptor);
}

/* Make room for a client, if another client has at least two connections more: of the client that
 * has the most, drop the oldest connection that still sends its request or has not read its answer.
 * Otherwise a few processes that send nothing would keep out all others. */
static void make_room(struct bb_server *server, const struct peer *newcomer)
{
    struct connection *found = NULL;
    unsigned most = newcomer->connections + 2;

    for (struct connection *each = server->connections; each != NULL; each = each->next) {
        if (each->until_ns != INT64_MAX && each->peer->connections >= most) {
            most = each->peer->connections;
            found = each;
        }
    }
    if (found != NULL) {
        if (found->sent_bytes == 0) {
            refuse(found->descriptor, BB_REPLY_FULL);
        }
        bb_connection_close(found);
    }
}

/* Accept a connection; false if none waits, or the system refuses one. */
static bool accept_one(struct bb_server *server)
{
    struct ucred who;
    int descriptor = accept4(server->options.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (descriptor < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            set_listening(server, false);
        }
        return errno == ECONNABORTED || errno == EINTR;
    }
    if (!identify(server, descriptor, &who)) {
        turn_away(descriptor, BB_REPLY_NOT_ALLOWED);
        return true;
    }
    struct peer *peer = bb_peer_find(server, who.pid);
    if (peer != NULL && server->connection_count >= server->options.connections) {
        make_room(server, peer);
    }
    if (peer == NULL || server->connection_count >= server->options.connections ||
        peer->connections >= server->options.connections / BB_PARTS + 1) {
        bb_peer_leave(server, peer);
        turn_away(descriptor, BB_REPLY_FULL);
        return true;
    }
    bb_connection_open(server, peer, descriptor);
    return true;
}

static void accept_some(struct bb_server *server)
{
    for (unsigned i = 0; i < ACCEPTS && accept_one(server); i++) {
    }
}

/* Drop the connections whose time is up. */
static void look_at_times(struct bb_server *server)
{
    int64_t now_ns = monotonic_ns();
    struct connection *next;

    for (struct connection *each = server->connections; each != NULL; each = next) {
        next = each->next;
        if (each->until_ns < now_ns) {
            bb_connection_close(each);
        }
    }
    server->looked_ns = now_ns;
    if (!server->stopping) {
        set_listening(server, true);
    }
}

struct bb_server *bb_server_make(struct bb_queue *queue, const struct bb_server_options *options)
{
    struct bb_server *server = calloc(1, sizeof *server);

    if (server == NULL) {
        return NULL;
    }
    server->options = *options;
    server->queue = queue;
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    server->mailbox = server->epoll < 0 ? NULL : bb_mailbox_make(queue);
    server->looked_ns = server->idle_since_ns = monotonic_ns();
    if (server->mailbox == NULL ||
        !control(server, EPOLL_CTL_ADD, bb_mailbox_descriptor(server->mailbox), EPOLLIN,
                 &about_mailbox) ||
        (options->wakeup >= 0 &&
         !control(server, EPOLL_CTL_ADD, options->wakeup, EPOLLIN, &about_wakeup)) ||
        (set_listening(server, true), !server->listening)) {
        int refused = errno;
        bb_server_free(server);
        errno = refused;
        return NULL;
    }
    return server;
}

/* Wait once, and handle the events; true if the caller must look at signals. */
static bool turn(struct bb_server *server, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    bool look = false, mail = false, newcomers = false;
    int count = epoll_wait(server->epoll, events, EVENTS, timeout_ms);

    for (int i = 0; i < count; i++) {
        void *about = events[i].data.ptr;
        if (about == &about_mailbox) {
            mail = true;
        } else if (about == &about_wakeup) {
            look = true;
        } else if (about == &about_listener) {
            newcomers = true;
        } else {
            bool ends = events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
            bb_connection_act(about, ends, events[i].events & EPOLLOUT);
        }
    }
    /* After the loop, because an event may close no connection but its own. */
    if (mail) {
        bb_deliver(server);
    }
    if (newcomers && !server->stopping) {
        accept_some(server);
    }
    if (monotonic_ns() - server->looked_ns >= NS_PER_S) {
        look_at_times(server);
    }
    return look || (count < 0 && errno == EINTR);
}

enum bb_turn bb_server_run(struct bb_server *server)
{
    int64_t look_ns = monotonic_ns() + BB_LOOK_S * (int64_t)NS_PER_S;

    while (!server->stopping || server->connections != NULL) {
        if (turn(server, 1000 * BB_LOOK_S) || monotonic_ns() >= look_ns) {
            return BB_TURN_LOOK;
        }
    }
    return BB_TURN_ENDED;
}

void bb_server_stop(struct bb_server *server, bool last)
{
    if (server->stopping) {
        return;
    }
    while (last && accept_one(server)) {
    }
    set_listening(server, false);
    server->stopping = true;
    int64_t soon_ns = monotonic_ns() + NS_PER_S;
    for (struct connection *each = server->connections; each != NULL; each = each->next) {
        if (each->until_ns != INT64_MAX && each->until_ns > soon_ns) {
            each->until_ns = soon_ns; /* don't wait for clients that neither ask nor read */
        }
    }
}

int64_t bb_server_idle_ns(const struct bb_server *server)
{
    return server->item_count > 0 ? 0 : monotonic_ns() - server->idle_since_ns;
}

void bb_server_free(struct bb_server *server)
{
    while (server->connections != NULL) {
        bb_connection_close(server->connections);
    }
    if (server->mailbox != NULL) {
        bb_mailbox_free(server->mailbox);
    }
    if (server->epoll >= 0) {
        close(server->epoll);
    }
    bb_wipe(server, sizeof *server);
    free(server);
}
