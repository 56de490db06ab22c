// What this process asks of the scheduler.
#pragma once

namespace yikou::base {

// Asks for short turns on the processor, for the calling thread and those it starts from now on.
//
// A case goes through some forty threads that each wait for a disk, a socket or another thread, and
// work for less than 0.1 ms. On a busy machine each of them, once woken, waits until whoever runs
// has had his turn: 3 to 4 ms by default, with the same again at every step. Whoever asks for short
// turns is let in sooner and leaves sooner; his share of the processor stays what it was.
//
// Needs no privilege. Linux before 6.12 ignores it.
void AskForShortTurns();

}  // namespace yikou::base
