/*
 * memory.pml - memory under x86-TSO: each thread has a store buffer, and loads may pass it.
 *
 * The model that includes this defines THREADS, CELLS and FLUSHED(thread, cell), which runs when a
 * store reaches memory.
 *
 *   store      waits in the thread's buffer, in order; reaches memory whenever it likes
 *   load       the newest store of one's own buffer to that cell, else memory
 *   exchange, store_seq_cst      only with an empty buffer, at once: a locked instruction
 *
 * A sequentially consistent load is a plain load on x86, and so it is here. A system call does not
 * empty the buffer here, although it does on real machines: what holds without needs no kernel lock.
 */
#define BUFFER 3

byte mem[CELLS];
byte buffered[THREADS];
byte buffer_cell[THREADS * BUFFER];
byte buffer_value[THREADS * BUFFER];

inline store(thread, cell, value)
{
    atomic {
        buffered[thread] < BUFFER -> /* a full buffer makes the store wait */
        buffer_cell[thread * BUFFER + buffered[thread]] = cell;
        buffer_value[thread * BUFFER + buffered[thread]] = value;
        buffered[thread]++
    }
}

inline load(thread, cell, into)
{
    d_step {
        into = mem[cell];
        if
        :: buffered[thread] > 0 && buffer_cell[thread * BUFFER] == cell ->
            into = buffer_value[thread * BUFFER]
        :: else
        fi;
        if
        :: buffered[thread] > 1 && buffer_cell[thread * BUFFER + 1] == cell ->
            into = buffer_value[thread * BUFFER + 1]
        :: else
        fi;
        if
        :: buffered[thread] > 2 && buffer_cell[thread * BUFFER + 2] == cell ->
            into = buffer_value[thread * BUFFER + 2]
        :: else
        fi
    }
}

inline flush(thread)
{
    FLUSHED(thread, buffer_cell[thread * BUFFER]);
    mem[buffer_cell[thread * BUFFER]] = buffer_value[thread * BUFFER];
    buffered[thread]--;
    buffer_cell[thread * BUFFER] = buffer_cell[thread * BUFFER + 1];
    buffer_value[thread * BUFFER] = buffer_value[thread * BUFFER + 1];
    buffer_cell[thread * BUFFER + 1] = buffer_cell[thread * BUFFER + 2];
    buffer_value[thread * BUFFER + 1] = buffer_value[thread * BUFFER + 2];
    buffer_cell[thread * BUFFER + 2] = 0;
    buffer_value[thread * BUFFER + 2] = 0
}

/* One for each thread: empties its buffer, store by store, whenever it likes. */
proctype buffer(byte thread)
{
end:
    do
    :: atomic { buffered[thread] > 0 -> flush(thread) }
    od
}
