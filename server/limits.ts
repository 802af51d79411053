/**
 * Every bound of the server, with its arithmetic. Nothing in the system grows without one. Bounds of the game runtime stand
 * in game-logic/limits.ts. Sizes are bytes, times milliseconds.
 */

// ---- Consensus: how far a leader may run ahead ------------------------------------------------------------------------

/** W of R8: open numbers. 8192 commands of about 200 bytes are 1.6 MB, what a slow follower has to swallow at once. */
export const WINDOW_COMMANDS = 8_192;
/** Payload of one message with commands. Well below the frame limit of the links, so that headers always fit. */
export const MESSAGE_BYTES = 1 << 20;
/** Issued commands that consensus keeps in memory for peers that lag: twice the window. */
export const TAIL_COMMANDS = 2 * WINDOW_COMMANDS;

// ---- Leader: queue, turn, answers -------------------------------------------------------------------------------------

/** Actions that wait for the leader, per region. At 20,000 actions a second a full queue is 0.2 s of waiting. */
export const LEADER_QUEUE_PER_REGION = 4_096;
/** Functions run in one turn; at 5 us each this is 5 ms, a fraction of a heartbeat. */
export const LEADER_TURN_FUNCTIONS = 1_024;
/** Bytes of commands made in one turn: one message to each peer. */
export const LEADER_TURN_BYTES = MESSAGE_BYTES / 2;
/**
 * A turn that took this long runs no further function: what it made leaves, and the peers work on it while the next turn runs.
 * Short enough for that, long enough to pay for a turn's own cost of about 0.1 ms.
 */
export const LEADER_TURN_MS = 3;
/** Joins, leaves and ends in one turn; timers in one turn. The rest of a turn belongs to actions. */
export const LEADER_TURN_PRESENCE = 64;
export const LEADER_TURN_TIMERS = 64;
/** Negative answers remembered within a leadership, so that a copy of their request that comes late is not run. */
export const LEADER_CLOSED_ANSWERS = 8_192;
/** A timer or tick that failed is left alone for this long. */
export const LEADER_FAILURE_PAUSE_MS = 250;

// ---- Presence ---------------------------------------------------------------------------------------------------------

/** A session without a connection keeps its place this long before its leave function runs. */
export const PRESENCE_GRACE_MS = 10_000;
/** A region repeats its list this often; without news for three times as long its sessions count as disconnected. */
export const PRESENCE_REFRESH_MS = 2_000;
export const PRESENCE_STALE_MS = 3 * PRESENCE_REFRESH_MS;
/** Least time between two lists of one region, plus a millisecond for each 20 sessions: 10,000 sessions (220 KB) twice a second. */
export const PRESENCE_SPACING_MS = 50;
export const PRESENCE_SESSIONS_PER_MS = 20;
/** A session without a command for this long, and without a connection, is ended: twice the life of its token. */
export const SESSION_IDLE_LIVES = 2;
export const SESSION_IDLE_MS = SESSION_IDLE_LIVES * 24 * 3_600_000;
/** How often ended sessions are looked for; and where as many were found as end in a turn: 64 a second, 5 million a day. */
export const SESSION_SWEEP_MS = 60_000;
export const SESSION_SWEEP_ON_MS = 1_000;

// ---- Asking side: actions of this region that wait for an answer ---------------------------------------------------------

/** Contract: sequences of one session that may be outstanding. */
export const OUTSTANDING_PER_SESSION = 64;
/** Open actions of one region and world; what the leader queues for the region and what is in the window fit in. */
export const PENDING_ACTIONS = LEADER_QUEUE_PER_REGION + WINDOW_COMMANDS;
/** Open linearizable reads of one region and world. */
export const PENDING_READS = 4_096;
/** An action without an outcome for this long is answered `no-quorum`. */
export const ACTION_DEADLINE_MS = 5_000;
/** Without an answer for this long everything open is sent again to the same leader, in order; it knows copies. */
export const ACTION_RESEND_MS = 1_000;
/** Actions, and bytes of arguments, in one `execute` message. */
export const EXECUTE_ACTIONS = 1_024;
export const EXECUTE_BYTES = MESSAGE_BYTES / 4;

// ---- Replica ----------------------------------------------------------------------------------------------------------

/** Bytes of recent commands that a replica keeps for clients that catch up: some 80,000 small commands. */
export const REPLICA_TAIL_BYTES = 16 << 20;
/** Those who wait for a number to be applied. */
export const APPLIED_WAITERS = 16_384;
/** Replays of the past at a time, and states of the past kept as a start for the next. */
export const TIME_MACHINE_REPLAYS = 2;
export const TIME_MACHINE_CHECKPOINTS = 4;
/** Replays that may wait for their turn. */
export const TIME_MACHINE_QUEUE = 64;
/** Bytes of commands read from storage at a time in a replay, and at the start of a server. */
export const REPLAY_BYTES = 1 << 20;
/** Commands replayed at a time of those that were read already: 4,096 at 5 us each are 20 ms. */
export const REPLAY_COMMANDS = 4_096;
/** The same for a peer that catches up: one message, some 5 ms of its time. */
export const SERVED_BYTES = MESSAGE_BYTES / 2;
/** Parts that wait to be read for peers that catch up; what is more is not answered, and asked for again. */
export const SERVED_PARTS = 32;

// ---- Region: the process ----------------------------------------------------------------------------------------------

/**
 * Worlds on one server. Each holds its tables in memory, some 30 KB before the first row: 16,384 of them 500 MB; at rest they cost
 * no more.
 */
export const WORLDS = 16_384;
/** How often time is told to the worlds that are not at rest: while something is under way, and while nothing is. Heartbeats are 40 apart. */
export const TICK_BUSY_MS = 5;
export const TICK_IDLE_MS = 20;
/** A world with a timer due within this is not worth putting to rest; one that rests looks at its timers this often, for clocks are set. */
export const REST_LEAST_MS = 1_000;
export const REST_TIMER_LOOK_MS = 60_000;
/** Turns of worlds that run before the sockets are looked at again: some 50 turns in which little happens. */
export const TURNS_SLICE_MS = 2;
/** Alarms of consensus that one world logs in a second; more are counted. */
export const ALARMS_PER_SECOND = 10;
/** A leaving region waits this long for another to take its worlds over; with GATEWAY_DRAIN_MS well below 5 s. */
export const DRAIN_HAND_OVER_MS = 1_500;

// ---- Crew: worlds on worker threads ---------------------------------------------------------------------------------------

/** A worker takes 40 MB before its first world, and more of them than cores help nobody. */
export const WORKERS = 64;
/**
 * Bytes of peers' messages and of actions on their way to one worker; what comes beyond is lost, as where a link's queue is full, or
 * refused. At 200 MB/s, what one thread reads, this is 0.3 s of a worker that stands still.
 */
export const CREW_QUEUE_BYTES = 64 << 20;
/** How often a worker hears how far its peers are, which changes slowly, and is asked whether it is still there. */
export const CREW_WAY_MS = 250;
/**
 * A worker that answered none of so many looks, 10 s, stands still for good: a function of a game that never ends. Looks are counted
 * and not time, so a host that stood still itself does not blame its workers.
 */
export const CREW_STILL_LOOKS = 40;
/** A process that ends by its own signal waits so long for lines of the log that are on their way to the kernel. */
export const CREW_LAST_WORDS_MS = 50;

// ---- Gateway: clients of this region ----------------------------------------------------------------------------------

/** Least time between two flushes while commands flow; a lone command leaves at once. 66 publishes a second and world. */
export const GATEWAY_FLUSH_MS = 15;
/** A frame of commands is cut after this many bytes, at a command; one command may be larger, up to COMMAND_BYTES. */
export const GATEWAY_FRAME_BYTES = 64 * 1024;
/**
 * Stream 'frames': least time between two flushes while commands flow; a lone command leaves at once. 20 frames a second, as many
 * as games send elsewhere; a player who moves 10 times a second is in every other one.
 */
export const GATEWAY_MERGE_MS = 50;
/** A frame of merged commands is at most this long; it is never longer than the commands. At 10 bytes a row 25,000 rows. */
export const GATEWAY_MERGED_BYTES = 256 * 1024;
/** On stream 'frames', a client this many commands behind after it was too slow gets a snapshot: 200 KB of commands. */
export const GATEWAY_MERGED_SLOW_COMMANDS = 1_024;
/** Published frames kept for the switch from catching up to live. Older commands come from the replica's own tail. */
export const GATEWAY_RECENT_BYTES = 256 * 1024;
/** Commands read at a time for one client that catches up. */
export const GATEWAY_READ_BYTES = 64 * 1024;
/**
 * The outbox of one client, in bytes that the kernel has not taken yet. Below `low` a client that catches up gets more. Above
 * `high` a live client is taken off the live stream and catches up from the log, or from a snapshot if it is too far behind.
 * Live clients are looked at after each `check` published bytes, so an outbox ends below high + check + one frame of at most
 * 64 KiB + 256 KiB = 480 KiB; at `most` the socket is closed, so that a stream never gets a hole.
 */
export const GATEWAY_OUTBOX_LOW = 64 * 1024;
export const GATEWAY_OUTBOX_HIGH = 128 * 1024;
export const GATEWAY_OUTBOX_CHECK = 32 * 1024;
export const GATEWAY_OUTBOX_MOST = 1 << 20;
/** A client this many commands behind after it was too slow gets a snapshot: at 1,000 a second, 16 seconds. */
export const GATEWAY_SLOW_COMMANDS = 16_384;
/** A client that takes nothing for this long while something waits for it is closed. */
export const GATEWAY_STALL_MS = 15_000;
/** A client whose `from` lies ahead of this replica waits this long for the replica, then is sent away. */
export const GATEWAY_AHEAD_MS = 30_000;
/** How often outboxes, stalls, idle sessions and late joiners are looked at. */
export const GATEWAY_SWEEP_MS = 250;
/** Rows in one part of a snapshot: at 100 bytes a row 25 KiB, about 50 us to encode. */
export const GATEWAY_SNAPSHOT_ROWS = 256;
/** A snapshot is handed to later clients until the world is this many commands ahead of it. */
export const GATEWAY_SNAPSHOT_REUSE = 512;
/** Snapshots of one world that clients may be reading at a time; beyond it they share the newest. */
export const GATEWAY_SNAPSHOTS = 4;

/** Clients of one world on one gateway: at 7 KB each 70 MB, and their outboxes where they are slow. */
export const GATEWAY_CLIENTS = 10_000;
/** Seats given out and not taken yet; each is a timer and a few hundred bytes for `seconds`. */
export const GATEWAY_SEATS = 2_048;
export const GATEWAY_SEAT_SECONDS = 10;
/**
 * Joins let in with one pass of the event loop: at 1 ms each, everything else waits 4 ms for them. Those that wait hold a request
 * of some 2 KB each; one that waited so long is told to come again, while its client still listens (it gives up after 3 s).
 */
export const GATEWAY_JOINS_PER_TURN = 4;
export const GATEWAY_JOINS_WAITING = 2_048;
export const GATEWAY_JOIN_WAIT_MS = 1_500;
/** From the connection to the client's acknowledgement of the join. */
export const GATEWAY_JOIN_MS = 10_000;
/** Bytes of one inbound message: 64 acts of 1 KiB; a single act may carry a string argument of 48 KiB. */
export const GATEWAY_INBOUND_BYTES = 64 * 1024;
/** A socket that is silent for this long is closed; it is pinged before. uWebSockets.js wants 8 to 960 s. */
export const GATEWAY_IDLE_SECONDS = 30;
/** Messages that make no sense; one more closes the connection. */
export const GATEWAY_STRIKES = 5;
/** Actions a second of one session, and how many at once. The 64 outstanding bind first where answers take over 13 ms. */
export const GATEWAY_RATE = 5_000;
export const GATEWAY_BURST = 5_000;
/** Messages over the rate or over the outstanding, within one sweep, that are answered; one more closes the connection. */
export const GATEWAY_EXCESS = 256;

/** Bytes of a header block: more than uWebSockets.js' own 4 KiB is usual where a browser keeps cookies for localhost. */
export const GATEWAY_HEADER_BYTES = 16 * 1024;
/** Bytes of a JSON body. */
export const GATEWAY_BODY_BYTES = 64 * 1024;
/** A larger body is read and thrown away up to here, so that its sender reads the refusal; beyond, it is cut off. */
export const GATEWAY_DISCARD_BYTES = 8 << 20;
/** Requests under way, of them streams that follow the commands. */
export const GATEWAY_REQUESTS = 4_096;
export const GATEWAY_FOLLOWERS = 512;
/** A followed stream says so in white space when nothing else was said for this long. */
export const GATEWAY_FOLLOW_MS = 15_000;
/** How long a read waits for a number or for a quorum. */
export const GATEWAY_READ_MS = 5_000;
/** An action over HTTP counts as presence for this long. */
export const GATEWAY_HTTP_PRESENCE_MS = 30_000;
/** Sessions that are present over HTTP or have something outstanding, per world; about 200 bytes each. */
export const GATEWAY_SESSIONS = 65_536;
/** Tokens found good, remembered so that HTTP does not pay 100 us for each action. */
export const GATEWAY_TOKENS = 8_192;
/** Life of a player token; renewed at a join in its second half. Half of SESSION_IDLE_MS. */
export const GATEWAY_TOKEN_MS = 24 * 3_600_000;
/** Files of the page, together, and how many: they are held in memory, so that a path can only be one of them. */
export const GATEWAY_PAGE_BYTES = 32 << 20;
export const GATEWAY_PAGE_FILES = 512;
/** A leaving server waits this long for answers that are under way. */
export const GATEWAY_DRAIN_MS = 1_500;
/**
 * A region that knew no leader for so long has lost its peers, for an election takes a quarter of a second: its clients are told
 * to go elsewhere, in as many parts, a sweep apart, so that they do not come there as one.
 */
export const GATEWAY_LEADERLESS_MS = 1_500;
export const GATEWAY_MOVE_ON_SWEEPS = 8;

// ---- Storage ----------------------------------------------------------------------------------------------------------

/**
 * Commands in one stored record. A reader that looks for number n need only look back this far; at 200 B a command a
 * full record is 800 KiB, so the next bound usually comes first.
 */
export const RECORD_COMMANDS = 4_096;
/** Payload bytes after which a record is closed. A reader of one command reads at most this and one command (256 KiB). */
export const RECORD_BYTES = 512 * 1024;
/**
 * Bytes that may wait for a flush before the store fails for good, of all worlds together. What is open in a world is bounded
 * by its window: 8,192 commands of 200 B are 1.6 MB, of 16 KiB 128 MiB. So 600 worlds with full windows of small commands fit,
 * or 8 of large ones; only a disk that stands still under a host that goes on writing gets here.
 */
export const STORAGE_QUEUE_BYTES = 1 << 30;
/**
 * What one world has in one flush: its window of small commands, 10 ms of a disk that takes 200 MB/s. A world with more to
 * write does not keep the others waiting for longer than that.
 */
export const STORAGE_PORTION_BYTES = 2 << 20;
/** A flush takes the portions of further worlds up to here, 40 ms of that disk; those left out are first in the next. */
export const STORAGE_FLUSH_BYTES = 8 << 20;
/**
 * Bytes after which several worlds go on in new segments: four memtables, so that LevelDB rewrites most of them once. And at
 * least so many for each of the worlds: then a directory of 20 GB has 300,000 segments at most, 30 MB of memory and 0.5 s at a
 * start, however many worlds they belong to.
 */
export const STORAGE_EPOCH_BYTES = 16 << 20;
export const STORAGE_SEGMENT_BYTES = 64 * 1024;
/** Worlds that read what they need at a time while a server starts; some 2 MiB each, and 64 MiB where commands are large. */
export const STORAGE_RECOVERING = 8;
/** LevelDB's memtable, two at a time: 8 MiB, taken as they fill. Small, for each is flushed in one go beside the commits. */
export const STORAGE_WRITE_BUFFER = 4 << 20;
/** LevelDB's cache of blocks. Only reads that jump about profit; the log is read in order. */
export const STORAGE_BLOCK_CACHE = 4 << 20;
/** Bytes that one trip to the disk brings when the log is read in order. */
export const STORAGE_READ_AHEAD = 1 << 20;
/** Table files, newest first, whose checksums are verified before a store is opened: about half a second. */
export const STORAGE_VERIFY_BYTES = 256 << 20;
/** Runs of commands with one creating ballot, a world; a new one at most for each change of leader: at one a minute, 7 years. */
export const STORAGE_RUNS = 4_000_000;
/** Table files that LevelDB keeps open: 800 MiB of those last read at 4 MiB each. */
export const STORAGE_OPEN_FILES = 200;
/** A folder that looks damaged is looked at again: another process may be at work in it, and will be named then. */
export const STORAGE_CHECKS = 3;
export const STORAGE_CHECK_MS = 20;
/** Bytes of issued commands kept in memory from a restart, of which there are at most `tailCommands`. */
export const STORAGE_TAIL_BYTES = 64 << 20;
/** Bytes of identity.json: 64 peers at 100 bytes each are 6 KiB. */
export const IDENTITY_BYTES = 256 * 1024;

// ---- Admin port -------------------------------------------------------------------------------------------------------

/** Bytes of a JSON body: a hand-over or a fault. */
export const ADMIN_BODY_BYTES = 16 * 1024;
/** How long a world may take to show that it is ready. */
export const ADMIN_READY_MS = 2_000;
/** A process that was frozen on purpose comes back by itself within a minute: nobody else can tell it to. */
export const ADMIN_FREEZE_MS = 60_000;

// ---- Links: connections between region servers --------------------------------------------------------------------------

/**
 * Largest body of a frame. A ballot-info carries issued and voted commands, each up to MESSAGE_BYTES and one command of
 * 256 KiB beyond; a frame that gathers smaller messages is closed at LINK_FRAME_FULL.
 */
export const LINK_FRAME_BYTES = 4 * MESSAGE_BYTES;
export const LINK_FRAME_FULL = 128 * 1024;
/** A text between hosts: an order of a few names and numbers, and its answer. */
export const LINK_NOTE_BYTES = 4_096;
/** Characters that say what went wrong with an order; as JSON they are six bytes each at worst. */
export const FAULT_DETAIL = 500;
/** Faults on their way to other regions at once, and how long one may take there: a process starts a waker in 0.1 s. */
export const FAULT_ORDERS = 64;
export const FAULT_PASSED_MS = 3_000;
/** How long a heal waits for others to have taken their faults back, too: a round trip around the world, and a turn. */
export const FAULT_HEALED_MS = 400;
/** A region where faults are not allowed logs so rarely that a peer asked for one; it answers each time. */
export const FAULT_REFUSALS_MS = 1_000;
/** Largest body before the other side has proved the secret: a hello is about 250 bytes, a proof 100. */
export const LINK_HANDSHAKE_BYTES = 2_048;
/** Characters of a stranger's words that are logged or told on. */
export const LINK_QUOTED = 64;
/** From the connection to the end of the handshake: two round trips of 400 ms at worst, with room. */
export const LINK_HANDSHAKE_MS = 3_000;
export const LINK_CONNECT_MS = 1_500;
/** Connections that have not proved the secret yet; one more closes the oldest. 31 regions that start at once fit. */
export const LINK_PENDING = 64;
/**
 * What waits for one peer: ten windows of 1.6 MB. More is dropped and counted; the core sends again what matters. Small
 * messages, such as heartbeats, may go on a little longer, so that a slow peer is not taken for a dead one.
 */
export const LINK_QUEUE_BYTES = 16 << 20;
export const LINK_QUEUE_SMALL = 4_096;
export const LINK_QUEUE_RESERVE = 1 << 20;
/** Time between attempts: from the first, doubled, up to the most; of each a random half is left out. */
export const LINK_RETRY_FIRST_MS = 20;
export const LINK_RETRY_MOST_MS = 1_000;
/** Pings measure the round trip; a peer that says nothing for so long is gone. It is said to be silent much sooner. */
export const LINK_PING_MS = 1_000;
/**
 * Who has heard nothing for a beat pings, for all worlds together: on an idle link 25 times 64 bytes a second. Silence of so much
 * longer than the round trip is told to worlds at rest, which go by it: a busy world gives a silent leader up as soon, by the
 * heartbeats of its own. A server sets both by --election-ms.
 */
export const LINK_BEAT_MS = 40;
export const LINK_QUIET_MS = 175;
/** A peer that was late is believed to be late again, up to so many times LINK_QUIET_MS, for so long. */
export const LINK_UNREST_MOST = 2;
export const LINK_UNREST_MS = 4_000;
/** The way to a peer is the least of so many round trips: a longer way is believed after 4 s, a shorter at once. */
export const LINK_LEAST_OF = 4;
export const LINK_SILENCE_MS = 5_000;
/**
 * Gateways in processes of their own, connected to one region: what each may have outstanding (a third of what a world takes),
 * the sessions that act through one, and the answers in one frame: at 100 B each 100 KiB.
 */
export const LINK_GATEWAYS = 64;
export const LINK_GATEWAY_OUTSTANDING = 4_096;
export const LINK_GATEWAY_SESSIONS = 10_000;
export const LINK_GATEWAY_ANSWERS = 1_024;
/** How long a closing link may still hand its last words to the kernel. */
export const LINK_LAST_WORDS_MS = 500;
