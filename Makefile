# vmux - build, run, test.  See README.md.
#   make            build/vmux            make run    demonstration guest in the workstation
#   make test       everything that guards a change
#   MODE=release|debug|asan|ubsan|tsan    (each in its own folder)
MODE    ?= release
ifeq ($(origin CC),default)
CC      := gcc
endif
# A line a file, or the whole commands with V=1; nothing with -s.
ifneq ($(V),1)
Q        = @
SAY      = @$(if $(findstring s,$(firstword -$(MAKEFLAGS))),,echo "  $(1) $(or $(2),$@)";)
endif
BUILD   := build$(if $(filter-out release,$(MODE)),/$(MODE),)
OBJ     := $(BUILD)/obj
PREFIX  ?= /usr/local

WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror -Wno-unused-parameter
CFLAGS.release := -O2 -g
CFLAGS.debug   := -O0 -g
CFLAGS.asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -DVMUX_SANITIZED
CFLAGS.ubsan   := -O1 -g -fsanitize=undefined -fno-sanitize-recover=undefined -DVMUX_SANITIZED
CFLAGS.tsan    := -O1 -g -fsanitize=thread -DVMUX_SANITIZED
PKGS    := ncursesw vterm libpcre2-8 jansson libpng
CPPFLAGS += -I. -I$(BUILD)/gen -D_GNU_SOURCE $(PKG_CFLAGS)
CFLAGS  += -std=gnu17 $(WARN) $(CFLAGS.$(MODE)) -fno-strict-aliasing -fwrapv -pthread -MMD -MP
LDLIBS  += $(PKG_LIBS) -lZydis -ltelnet -lutil -lm -pthread

# A library that is optional is one file or another.
TLS      := $(if $(shell pkg-config --exists gnutls 2>/dev/null && echo y),gnutls,none)
LDLIBS   += $(if $(filter gnutls,$(TLS)),-lgnutls)
BRAILLE  := $(if $(wildcard /usr/include/brlapi.h),brlapi,none)
LDLIBS   += $(if $(filter brlapi,$(BRAILLE)),-lbrlapi)
ZSTD     := $(if $(wildcard /usr/include/zstd.h),zstd,none)
LDLIBS   += $(if $(filter zstd,$(ZSTD)),-lzstd)
LIB_SRC  := $(filter-out $(if $(filter zstd,$(ZSTD)),%/pack_none.c,%/pack_zstd.c) $(if $(filter gnutls,$(TLS)),%/tls_none.c,%/tls_gnutls.c) $(if $(filter brlapi,$(BRAILLE)),%/braille_none.c,%/braille_brlapi.c),$(shell find core devices -name '*.c' 2>/dev/null))
TUI_SRC  := $(shell find tui -name '*.c' 2>/dev/null)
LIB_OBJ  := $(LIB_SRC:%.c=$(OBJ)/%.o)
TUI_OBJ  := $(patsubst %.c,$(OBJ)/%.o,$(filter-out tui/main.c,$(TUI_SRC)))
# tests/{unit,dev,cpu,...}/test_NAME.c -> build/tests/NAME
TEST_SRC := $(shell find tests -name 'test_*.c' 2>/dev/null)
TEST_LIB := $(filter-out $(TEST_SRC),$(shell find tests -name '*.c' -not -path 'tests/fuzz/*' -not -path 'tests/bench/*' -not -path 'tests/tui/fake/*' -not -path 'tests/guest/smp/*' 2>/dev/null))
TEST_BIN := $(foreach t,$(TEST_SRC),$(BUILD)/tests/$(patsubst test_%.c,%,$(notdir $(t))))

all: $(BUILD)/libvmux.a $(BUILD)/libtui.a $(if $(wildcard tui/main.c),$(BUILD)/vmux)

$(BUILD)/vmux: $(OBJ)/tui/main.o $(BUILD)/libtui.a $(BUILD)/libvmux.a
	$(call SAY,LINK)$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)
$(BUILD)/libtui.a: $(TUI_OBJ)
	@rm -f $@
	$(call SAY,AR)ar rcs $@ $(TUI_OBJ)
# The workstation on a machine of cardboard, for tests/tui.
$(BUILD)/tests/tui-fake: $(OBJ)/tui/main.o $(OBJ)/tests/tui/fake/fake_vm.o $(OBJ)/tests/tui/fake/fake_clock.o $(BUILD)/libtui.a $(BUILD)/libvmux.a
	@mkdir -p $(@D)
	$(call SAY,LINK)$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)
$(BUILD)/libvmux.a: $(LIB_OBJ)
	@rm -f $@
	$(call SAY,AR)ar rcs $@ $(LIB_OBJ)
# What pkg-config says, kept in a file so that it is asked once.
$(BUILD)/pkg.mk: Makefile
	@command -v pkg-config >/dev/null && pkg-config --exists $(PKGS) || { echo "make: packages are missing; 'make setup' installs them" >&2; exit 1; }
	@mkdir -p $(@D)
	@printf 'PKG_CFLAGS := %s\nPKG_LIBS := %s\n' "$$(pkg-config --cflags $(PKGS))" "$$(pkg-config --libs $(PKGS))" > $@
# These goals install packages first and then call make again, so they must not need any themselves.
BARE := clean setup run test bench install-packages
ifneq ($(filter-out $(BARE),$(or $(MAKECMDGOALS),all)),)
-include $(BUILD)/pkg.mk
endif
$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(call SAY,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) $(CFLAGS_$(subst /,_,$*)) -c -o $@ $<

# Firmware sources become C arrays.  iasl knows no macros with arguments, so the C preprocessor goes first.
$(BUILD)/gen/dsdt.h: devices/firmware/dsdt.asl
	@mkdir -p $(@D)
	$(call SAY,IASL,$<)$(CC) -E -P -x c $< -o $(@D)/dsdt.asl
	$(Q)iasl -ve -we -tc -p $(@D)/dsdt $(@D)/dsdt.asl > $(@D)/dsdt.log || (cat $(@D)/dsdt.log; false)
	@sed 's/^unsigned char/static const unsigned char/' $(@D)/dsdt.hex > $@
$(OBJ)/devices/firmware/acpi.o: $(BUILD)/gen/dsdt.h
$(BUILD)/gen/%.rom.h: devices/firmware/%.S devices/firmware/rom.inc
	@mkdir -p $(@D)
	$(call SAY,AS,$<)as --32 -I devices/firmware -o $(@D)/$*.o $<
	$(Q)ld -m elf_i386 -Ttext 0 -e 0 --oformat binary -o $(@D)/$*.bin $(@D)/$*.o
	@(echo 'static const unsigned char $*_rom[] = {'; od -An -v -tx1 $(@D)/$*.bin | sed 's/ \(..\)/0x\1,/g'; echo '};') > $@
$(OBJ)/devices/firmware/kernel.o: $(BUILD)/gen/linuxboot.rom.h $(BUILD)/gen/multiboot.rom.h

# The instruction handlers of hot families: gcc must neither merge their tails nor move code between them.
core/cpu/ops_%.c: ;
# Thousands of tiny handlers: their debug information would be ten times their code.
CFLAGS_core_cpu_pairs := -g0
$(OBJ)/core/cpu/%.o: CFLAGS += -fno-gcse -fno-crossjumping -fno-partial-inlining -foptimize-sibling-calls

define test_rule
$(BUILD)/tests/$(patsubst test_%.c,%,$(notdir $(1))): $(OBJ)/$(1:.c=.o) $(TEST_LIB:%.c=$(OBJ)/%.o) $(BUILD)/libtui.a $(BUILD)/libvmux.a
	@mkdir -p $$(@D)
	$$(call SAY,LINK)$$(CC) $$(CFLAGS) -o $$@ $(OBJ)/$(1:.c=.o) $(TEST_LIB:%.c=$(OBJ)/%.o) $(BUILD)/libtui.a $(BUILD)/libvmux.a $$(LDLIBS) -lcmocka
endef
$(foreach t,$(TEST_SRC),$(eval $(call test_rule,$(t))))
# Assembly guests of tests/cpu/sys: flat images for 10000h.
SYS_DIR    := $(BUILD)/sys-guests
SYS_GUESTS := $(patsubst tests/cpu/sys/%.S,$(SYS_DIR)/%.bin,$(wildcard tests/cpu/sys/*.S))
CFLAGS_tests_cpu_sysrig := -DGUEST_DIR='"$(SYS_DIR)"'
$(SYS_DIR)/%.bin: tests/cpu/sys/%.S $(wildcard tests/cpu/sys/*.inc)
	@mkdir -p $(@D)
	$(call SAY,AS,$<)$(CC) -c -o $(@:.bin=.o) $<
	$(Q)ld -m elf_x86_64 -Ttext 0x10000 --oformat binary -e 0 -o $@ $(@:.bin=.o)
$(BUILD)/tests/sys $(BUILD)/tests/kvm: $(SYS_GUESTS)
# Firmware that joins two serial ports.
$(BUILD)/tests/bridge.bin: tests/serial/bridge.S
	@mkdir -p $(@D)
	$(call SAY,AS,$<)$(CC) -c -o $(@:.bin=.o) $<
	$(Q)ld -m elf_x86_64 -Ttext 0 --oformat binary -o $@ $(@:.bin=.o)
$(BUILD)/tests/serial_lines $(BUILD)/tests/serial_wrapped: $(BUILD)/tests/bridge.bin
$(patsubst tests/tui/test_%.c,$(BUILD)/tests/%,$(wildcard tests/tui/test_*.c)): $(BUILD)/tests/tui-fake
$(BUILD)/tests/tui_oracle: $(BUILD)/vmux
$(BUILD)/tests/keymaps: LDLIBS += -lxkbcommon
# Boot sectors of tests/guest, on disks of 1 MB.
BOOT_IMG := $(patsubst tests/guest/boot/%.S,$(BUILD)/guest-boot/%.img,$(wildcard tests/guest/boot/*.S))
$(BUILD)/guest-boot/%.img: tests/guest/boot/%.S tests/guest/boot/boot.inc
	@mkdir -p $(@D)
	$(call SAY,AS,$<)$(CC) -c -Wa,-I,$(<D) -o $(@:.img=.o) $<
	$(Q)ld -m elf_x86_64 -Ttext 0x7c00 --oformat binary -e 0 -o $@ $(@:.img=.o)
	$(Q)truncate -s 1M $@
# The boot sector of tests/debug, with its symbols beside it for gdb.
$(BUILD)/guest-boot/walk.img: tests/debug/walk.S
	@mkdir -p $(@D)
	$(call SAY,AS,$<)$(CC) -c -o $(@:.img=.o) $<
	$(Q)ld -m elf_x86_64 -Ttext 0x7c00 -e _start -o $(@:.img=.elf) $(@:.img=.o)
	$(Q)objcopy -O binary -j .text $(@:.img=.elf) $@
	$(Q)truncate -s 1M $@
# Its symbols as constants: work is WALK_WORK.
$(BUILD)/gen/walk_symbols.h: $(BUILD)/guest-boot/walk.img
	@mkdir -p $(@D)
	@nm $(<:.img=.elf) | awk '{ if (length($$1) == 16 && substr($$1, 1, 9) == "000000000") print "enum { WALK_" toupper($$3) " = 0x" substr($$1, 9) " };" }' > $@
$(patsubst %,$(OBJ)/tests/debug/%.o,walk test_gdbstub test_breakpoints test_kvm_debug): $(BUILD)/gen/walk_symbols.h
CFLAGS_tests_debug_walk := -DWALK_IMG='"$(BUILD)/guest-boot/walk.img"'
$(BUILD)/tests/gdbstub $(BUILD)/tests/breakpoints $(BUILD)/tests/kvm_debug $(BUILD)/tests/gdb: $(BUILD)/guest-boot/walk.img
$(patsubst tests/guest/test_%.c,$(BUILD)/tests/%,$(wildcard tests/guest/test_*.c)) $(BUILD)/tests/tui_oracle: $(BOOT_IMG)
# Key maps are made from xkb data; the results are in the repository.
keymaps: keymaps/tools/make-keymaps.c keymaps/tools/layouts.def
	@mkdir -p $(BUILD)
	$(call SAY,LINK)$(CC) -std=gnu17 $(WARN) -O1 -o $(BUILD)/make-keymaps $< -lxkbcommon
	$(BUILD)/make-keymaps keymaps
test-bins: $(TEST_BIN) $(BUILD)/monitor-doc

# ---- documentation made from tables --------------------------------------------------------------------------------------------
$(BUILD)/monitor-doc: $(OBJ)/docs/monitor-doc.o $(BUILD)/libvmux.a
	$(call SAY,LINK)$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)
docs: $(BUILD)/monitor-doc
	$(BUILD)/monitor-doc > docs/monitor.md

# ---- the demonstration guest ---------------------------------------------------------------------------------------------------
GUESTS := build/guests
$(GUESTS)/%/.done:
	tests/guest/fetch.sh $(GUESTS) $*
$(GUESTS)/demo.initrd: tests/guest/make-initrd.sh $(wildcard tests/guest/demo/*) $(GUESTS)/linux-6.1/.done
	tests/guest/make-initrd.sh $(GUESTS)/linux-6.1 $@
# The load for guests with several CPUs, and an initrd with it behind the demonstration guest's.
build/smp-guest/bin/stress: tests/guest/smp/stress.c
	@mkdir -p $(@D)
	$(call SAY,LINK)$(CC) -std=gnu17 -D_GNU_SOURCE $(WARN) -O2 -static -pthread -o $@ $<
build/tests/smp.initrd: build/smp-guest/bin/stress $(GUESTS)/demo.initrd
	cd build/smp-guest && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet > ../smp-guest.cpio
	@mkdir -p $(@D)
	cat $(GUESTS)/demo.initrd build/smp-guest.cpio > $@
# The demonstration guest with each kernel's own modules, for tests of virtio; a kernel that could not be fetched is done without.
build/tests/virtio-%.initrd: tests/guest/make-initrd.sh $(wildcard tests/guest/demo/*) $(GUESTS)/linux-%/.done
	@mkdir -p $(@D)
	[ ! -e $(GUESTS)/linux-$*/release ] || tests/guest/make-initrd.sh $(GUESTS)/linux-$* $@
build/tests/virtio-i386.initrd: tests/guest/virtio-i386/say-size $(GUESTS)/netboot-i386/.done
	@mkdir -p $(@D)
	cd $(<D) && echo $(<F) | cpio -o -H newc -R 0:0 --quiet | gzip -n > $(CURDIR)/$@.new
	cat $(GUESTS)/netboot-i386/initrd.gz $@.new > $@
	@rm $@.new
$(BUILD)/tests/virtconsole: $(patsubst %,build/tests/virtio-%.initrd,6.1 6.12 i386)
demo: all $(GUESTS)/demo.initrd
DEMO := -m 256 -name demo -kernel $(GUESTS)/linux-6.1/vmlinuz -initrd $(GUESTS)/demo.initrd -append "quiet console=tty0" -serial vc -serial vc
run:
	@tests/setup.sh run
	@$(MAKE) --no-print-directory -j$$(nproc) demo
	@build/vmux $(DEMO) $(ARGS)
setup:
	tests/setup.sh build run test

# ---- tests ---------------------------------------------------------------------------------------------------------------------
# Guest tests boot real systems; they run in the release build only.
FAST_SRC  := $(filter-out tests/guest/% tests/serial/%,$(TEST_SRC))
GUEST_SRC := $(filter tests/guest/% tests/serial/%,$(TEST_SRC))
bin_of     = $(foreach t,$(1),$(2)/tests/$(patsubst test_%.c,%,$(notdir $(t))))
test:
	@tests/setup.sh test
	@$(MAKE) --no-print-directory -j$$(nproc) all test-bins test-guests
	@$(MAKE) --no-print-directory -j$$(nproc) MODE=asan all test-bins
	@$(MAKE) --no-print-directory -j$$(nproc) MODE=tsan $(TSAN_BIN)
	@$(MAKE) --no-print-directory test-run
# What has threads, under the thread sanitizer.
TSAN_BIN := $(addprefix build/tsan/tests/,vm vm_smp late_loop block chardev_socket chardev_mux sys_cpuid cpuhp gdbstub)
test-guests: build/tests/smp.initrd $(GUESTS)/demo.initrd $(foreach g,linux-6.1 linux-6.12 netboot-i386 netboot-amd64,$(GUESTS)/$(g)/.done)
test-run:
	@tests/run.sh -j 2 -t 1500 "tests/lint/lint.sh" tests/monitor/differential.sh tests/monitor/clients.sh $(call bin_of,$(FAST_SRC),build) $(call bin_of,$(FAST_SRC),build/asan) $(TSAN_BIN) $(call bin_of,$(GUEST_SRC),build)
lint: all $(BUILD)/monitor-doc
	@tests/lint/lint.sh $(BUILD)
# One kind only, in the release build: make check-cpu, check-dev, check-unit, check-tui, check-guest
check-%:
	@$(MAKE) --no-print-directory all $(call bin_of,$(filter tests/$*/%,$(TEST_SRC)),build)
	@tests/run.sh -j 2 -t 600 $(call bin_of,$(filter tests/$*/%,$(TEST_SRC)),build)

# ---- installation ----------------------------------------------------------------------------------------------------------------
build/vmux.1: docs/make-man.sh tui/actions.def build/vmux
	docs/make-man.sh build/vmux $@
install: all build/vmux.1
	install -Dm755 build/vmux $(DESTDIR)$(PREFIX)/bin/vmux
	install -d $(DESTDIR)$(PREFIX)/share/vmux/keymaps $(DESTDIR)$(PREFIX)/share/vmux/themes
	install -m644 $(filter-out keymaps/tools,$(wildcard keymaps/*)) $(DESTDIR)$(PREFIX)/share/vmux/keymaps
	install -m644 themes/* $(DESTDIR)$(PREFIX)/share/vmux/themes
	install -Dm644 build/vmux.1 $(DESTDIR)$(PREFIX)/share/man/man1/vmux.1
	install -Dm644 docs/vmux.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/vmux

# ---- benchmarks ------------------------------------------------------------------------------------------------------------------
#   make bench       vmux beside QEMU's TCG and Bochs, about ten minutes (BENCH_ROUNDS=1 for a quick one, BENCH="kernels real boot work smp idle ui")
#   make bench-bins  the programs alone; build/bench/cpu runs the kernels on the bare CPU
# tests/bench/bench_NAME.c -> build/bench/NAME, with the kernels and the CPU tests' helpers.  kernels.o is the same everywhere.
BENCH_BIN := $(patsubst tests/bench/bench_%.c,$(BUILD)/bench/%,$(wildcard tests/bench/bench_*.c))
BENCH_LIB := tests/bench/kernels.c tests/cpu/guest.c
COMPARE   := $(patsubst %.c,$(OBJ)/%.o,tests/bench/kernels.c $(wildcard tests/bench/compare/*.c))
$(BUILD)/bench/%: $(OBJ)/tests/bench/bench_%.o $(BENCH_LIB:%.c=$(OBJ)/%.o) $(BUILD)/libvmux.a
	@mkdir -p $(@D)
	$(call SAY,LINK)$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)
$(BUILD)/bench/compare: $(COMPARE)
	@mkdir -p $(@D)
	$(call SAY,LINK)$(CC) $(CFLAGS) -o $@ $^ -lutil -lm
$(OBJ)/tests/bench/guest/%.o: tests/bench/guest/%.S
	@mkdir -p $(@D)
	$(call SAY,AS,$<)$(CC) -c -o $@ $<
CFLAGS_tests_bench_guest_main := -ffreestanding -mgeneral-regs-only -fno-stack-protector
CFLAGS_tests_bench_guest_long := $(CFLAGS_tests_bench_guest_main)
# Boot sector, program, padding to whole cylinders of 16 heads and 63 sectors (Bochs wants that).
$(BUILD)/bench/guest.img: $(OBJ)/tests/bench/guest/main.o
$(BUILD)/bench/guest-long.img: $(OBJ)/tests/bench/guest/long.o
$(BUILD)/bench/guest.img $(BUILD)/bench/guest-long.img: $(OBJ)/tests/bench/guest/boot.o $(OBJ)/tests/bench/kernels.o tests/bench/guest/link.ld
	@mkdir -p $(@D)
	$(Q)ld -m elf_x86_64 -Ttext 0x7c00 -e 0 --oformat binary -o $@.boot $(filter %/boot.o,$^)
	$(Q)ld -m elf_x86_64 -n -T tests/bench/guest/link.ld --oformat binary -o $@.main $(filter-out %/boot.o,$(filter %.o,$^))
	$(Q)cat $@.boot $@.main > $@
	$(Q)truncate -s 2064384 $@
$(BUILD)/bench/real.img: tests/bench/guest/real.S tests/guest/boot/boot.inc
	@mkdir -p $(@D)
	$(call SAY,AS,$<)as --32 -I tests/guest/boot -o $@.o $<
	$(Q)ld -m elf_i386 -Ttext 0x7c00 --oformat binary -o $@ $@.o
# Work for Linux: one static program, run on the host and as the first process of a guest, with a shell beside it.
WORK_OBJ := $(patsubst %.c,$(OBJ)/%.o,$(wildcard tests/bench/linux/*.c))
$(WORK_OBJ): CFLAGS += -fno-math-errno
$(BUILD)/bench/work: $(WORK_OBJ)
	@mkdir -p $(@D)
	$(call SAY,LINK)$(CC) $(CFLAGS) -static -o $@ $^ -lm
$(BUILD)/bench/work.initrd: $(BUILD)/bench/work
	@rm -rf $(@D)/work-root && mkdir -p $(@D)/work-root/bin $(@D)/work-root/dev
	$(Q)cp $< $(@D)/work-root/init
	$(Q)cp /bin/busybox $(@D)/work-root/bin/busybox
	cd $(@D)/work-root && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet > ../work.initrd
bench-bins: $(BENCH_BIN) $(BUILD)/bench/compare $(BUILD)/bench/guest.img $(BUILD)/bench/guest-long.img $(BUILD)/bench/real.img $(BUILD)/bench/work.initrd $(BUILD)/tests/tui-fake
bench:
	@tests/setup.sh bench
	@$(MAKE) --no-print-directory -j$$(nproc) demo bench-bins
	@build/bench/compare build/bench $(GUESTS) $(BENCH)

clean:
	rm -rf build

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
.PHONY: all docs keymaps test-bins bench-bins clean run setup demo test test-guests test-run lint install bench
.SECONDARY:
