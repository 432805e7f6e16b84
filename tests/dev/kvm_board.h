/* kvm_board.h - the whole board "pc" under KVM, with the local APICs in the kernel. */
#ifndef TESTS_DEV_KVM_BOARD_H
#define TESTS_DEV_KVM_BOARD_H
#include "tests/dev/board.h"

/* As board_new.  Where the host has no such KVM the test is skipped, and says why. */
struct machine *kvm_board_new(unsigned cpus);
#endif
