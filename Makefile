# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make            build/twmond, twmonctl, twmon-exporter (V=1 shows commands)
# make run        set up what is missing, build, watch this host
# make check      set up what is missing, then every test
# make demo       a few seconds that show what twmon is for
# make help       all targets
#
# Reading this file needs nothing but make: run, demo, check, lint, fuzz and the benchmarks install
# what is missing first (tools/deps.sh) and then call make again. pkg-config is asked when it is
# needed.

VERSION = 0.1.0

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
SBINDIR    ?= $(PREFIX)/sbin
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/twmon
UNITDIR    ?= $(PREFIX)/lib/systemd/system
CATALOGDIR ?= $(PREFIX)/lib/systemd/catalog
SYSCONFDIR ?= /etc
BASHDIR    ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR     ?= $(PREFIX)/share/zsh/site-functions
FISHDIR    ?= $(PREFIX)/share/fish/vendor_completions.d

PKG_CONFIG ?= pkg-config
INSTALL    ?= install

# ---- variants: the same rules, other flags, another directory ----
#
# release  build/        what is installed
# check    build/check/  AddressSanitizer and UBSan: the tests run this
# fuzz     build/fuzz/   clang, the same sanitizers and libFuzzer

VARIANT ?= release
B       := $(patsubst build/release,build,build/$(VARIANT))

SANITIZE         = -fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS_release   = -O2 -g -fPIE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
CFLAGS_check     = -O1 -g -fno-omit-frame-pointer $(SANITIZE)
CFLAGS_fuzz      = -O1 -g -fno-omit-frame-pointer $(SANITIZE) -fsanitize=fuzzer-no-link
LDFLAGS_release  = -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LDFLAGS_check    = $(SANITIZE) -Wl,--as-needed
LDFLAGS_fuzz     = $(SANITIZE) -fsanitize=fuzzer -Wl,--as-needed

ifeq ($(VARIANT),fuzz)
CC = clang
endif

WARNINGS = -Wall -Wextra -Wmissing-prototypes -Wshadow -Wstrict-prototypes
ifneq ($(CI)$(WERROR),)
WARNINGS += -Werror
endif

# Asked once, at first use: the assignment replaces itself by the answer.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell $(PKG_CONFIG) --cflags libmnl libsystemd jansson inih zlib libmicrohttpd))$(PKG_CFLAGS)

LIBS_twmond   = $(shell $(PKG_CONFIG) --libs libmnl libsystemd jansson inih zlib) -lm
LIBS_twmonctl = $(shell $(PKG_CONFIG) --libs libmnl jansson inih zlib ncursesw) -lm
# What the exporter needs besides is no other program's: HTTP, and the service manager's socket.
LIBS_exporter = $(shell $(PKG_CONFIG) --libs libmicrohttpd libsystemd jansson) -lm
LIBS_test     = $(LIBS_twmond) $(shell $(PKG_CONFIG) --libs cmocka ncursesw)

COMPILE = $(CC) -std=gnu11 $(WARNINGS) $(CFLAGS_$(VARIANT)) $(CFLAGS) \
          -D_GNU_SOURCE -DTWMON_VERSION='"$(VERSION)"' -Ilib -Idaemon -Iclient -Iexporter -I$(B)/gen \
          $(PKG_CFLAGS) $(CURSES_CFLAGS) $(CPPFLAGS) -pthread -MMD -MP
LINK    = $(CC) -pthread $(LDFLAGS_$(VARIANT)) $(LDFLAGS)

# ---- what is built from what ----

objects_of  = $(patsubst %.c,$(B)/%.o,$(filter-out $(1)/main.c,$(wildcard $(1)/*.c)))
INTERFACE   = $(B)/gen/io.twmon.Monitor.varlink.h
ARCHIVES    = $(B)/libexporter.a $(B)/libclient.a $(B)/libdaemon.a $(B)/libtwmon.a

# What the benchmarks share; each bench-*.c is a program, each test-*.c tests the others.
BENCH_PARTS = $(patsubst %.c,$(B)/%.o,$(filter-out tests/bench/bench-% tests/bench/test-%,\
              $(wildcard tests/bench/*.c)))
BENCH_TESTS = $(patsubst tests/bench/%.c,$(B)/%,$(wildcard tests/bench/test-*.c))

UNIT_TESTS  = $(patsubst tests/unit/%.c,$(B)/%,$(wildcard tests/unit/test-*.c))
FUZZ_NAMES  = $(patsubst tests/fuzz/fuzz-%.c,%,$(wildcard tests/fuzz/fuzz-*.c))
REPLAYS     = $(FUZZ_NAMES:%=$(B)/replay-%)
FUZZERS     = $(FUZZ_NAMES:%=$(B)/fuzz-%)

FUZZ_SECONDS ?= 60

ifeq ($(V),)
Q   = @
say = @printf '  %-4s %s\n' '$(1)' '$(@:build/%=%)'
else
say = @:
endif

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all tests fuzzers run demo check check-systemd lint fuzz bench bench-budget bench-doc \
        bench-ledger bench-detect bench-instructions install install-twmon install-exporter uninstall \
        dist deb check-package clean help

all: $(B)/twmond $(B)/twmonctl $(B)/twmon-exporter
	@:
tests: all $(UNIT_TESTS) $(BENCH_TESTS) $(REPLAYS) $(B)/netlink-shim.so
fuzzers: $(FUZZERS)

$(B)/twmond: $(B)/daemon/main.o $(B)/libdaemon.a $(B)/libtwmon.a
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(LIBS_twmond)

$(B)/twmonctl: $(B)/client/main.o $(B)/libclient.a $(B)/libtwmon.a
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(LIBS_twmonctl)

$(B)/twmon-exporter: $(B)/exporter/main.o $(B)/libexporter.a $(B)/libclient.a $(B)/libtwmon.a
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(LIBS_exporter)

$(B)/libtwmon.a: $(call objects_of,lib)
$(B)/libdaemon.a: $(call objects_of,daemon)
$(B)/libclient.a: $(call objects_of,client)
$(B)/libexporter.a: $(call objects_of,exporter)
$(ARCHIVES) $(B)/libbench.a:
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Flags and version stand in this file, so every object depends on it.
$(B)/%.o: %.c Makefile | $(INTERFACE)
	$(call say,CC)
	$(Q)mkdir -p $(@D) && $(COMPILE) -c -o $@ $<

# They set what every header would see.
$(B)/client/topscreen.o: CURSES_CFLAGS = $(shell $(PKG_CONFIG) --cflags ncursesw)

# The interface description as a C string, line by line.
$(INTERFACE): daemon/io.twmon.Monitor.varlink Makefile
	$(call say,GEN)
	$(Q)mkdir -p $(@D) && { \
	  echo 'static const char io_twmon_Monitor_varlink[] ='; \
	  sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/        "&\\n"/' $<; \
	  echo '        ;'; } >$@

$(B)/test-%: $(B)/tests/unit/test-%.o $(ARCHIVES)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(LIBS_test)

$(B)/replay-%: $(B)/tests/fuzz/fuzz-%.o $(B)/tests/fuzz/replay-main.o $(ARCHIVES)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(LIBS_twmond)

$(B)/fuzz-%: $(B)/tests/fuzz/fuzz-%.o $(ARCHIVES)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(LIBS_twmond)

$(B)/libbench.a: $(BENCH_PARTS)

$(B)/bench-%: $(B)/tests/bench/bench-%.o $(B)/libbench.a $(B)/libtwmon.a
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(LIBS_twmonctl)

# The floor that twmond is measured against shares no code with it.
build/bench-floor: tests/bench/bench-floor.c Makefile
	$(call say,LD)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 -O2 -g $(WARNINGS) -D_GNU_SOURCE -o $@ $<

# Preloaded into twmond by the benchmark.
build/bench-shim.so: tests/bench/bench-shim.c Makefile
	$(call say,LD)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 -O2 -g $(WARNINGS) -D_GNU_SOURCE -fPIC -shared -o $@ $< -ldl

# After test-% of unit/: make takes the pattern whose source is there.
$(B)/test-%: $(B)/tests/bench/test-%.o $(B)/libbench.a $(B)/libtwmon.a
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(LIBS_test)

# Preloaded into twmond by live tests; not instrumented.
$(B)/netlink-shim.so: tests/live/netlink-shim.c Makefile
	$(call say,LD)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 -O1 -g $(WARNINGS) -D_GNU_SOURCE -fPIC -shared -o $@ $< -ldl

# Preloaded into the twmond of a guest.
build/clock-shim.so: tests/systemd/clock-shim.c Makefile
	$(call say,LD)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 -O1 -g $(WARNINGS) -D_GNU_SOURCE -fPIC -shared -o $@ $<

build/demo-leaky: tools/demo-leaky.c Makefile
	$(call say,LD)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 -O1 -g $(WARNINGS) -D_GNU_SOURCE -o $@ $<

# ---- set up, build, go ----

# As many jobs as there are processors, unless make was told a number.
AGAIN = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$$(nproc 2>/dev/null || echo 2))

run:
	@tools/deps.sh run
	@$(AGAIN) all
	@tools/run.sh

demo:
	@tools/deps.sh run
	@$(AGAIN) all build/demo-leaky
	@tools/demo.sh

LINTS     = $(sort $(wildcard tests/lint/*.sh tests/lint/*.py))
MACHINES  = $(sort $(wildcard tests/systemd/test_*.py))
SUITES    = $(LINTS) $(sort $(wildcard tests/systemd/*.sh)) $(MACHINES) tests/package/dist.sh \
            $(patsubst $(B)/%,build/check/%,$(UNIT_TESTS) $(BENCH_TESTS)) \
            $(foreach n,$(FUZZ_NAMES),'build/check/replay-$(n) tests/fuzz/corpus/$(n)') \
            $(sort $(wildcard tests/bench/test_*.py)) $(sort $(wildcard tests/live/test_*.py))

# A demo that is broken is a broken promise, so it is built here too.
check:
	@tools/deps.sh check
	@$(AGAIN) WERROR=1 $(BENCH_NEEDS) build/demo-leaky build/clock-shim.so
	@$(AGAIN) WERROR=1 VARIANT=check tests
	@tests/run $(SUITES)

# In another systemd than this host's: TREE is where a root file system is unpacked. It needs systemd
# with journald; what else twmon loads is lent to it. Its C library must not be older than the host's.
check-systemd:
	$(if $(TREE),,$(error TREE=DIR is missing; with the systemd of this host: make check))
	@tools/deps.sh check
	@$(AGAIN) WERROR=1 all build/demo-leaky build/clock-shim.so
	@TWMON_TREE='$(TREE)' tests/run $(MACHINES)

lint:
	@tools/deps.sh check
	@$(AGAIN) all
	@tests/run $(LINTS)

fuzz:
	@tools/deps.sh check
	@$(AGAIN) VARIANT=fuzz fuzzers
	@for name in $(FUZZ_NAMES); do tests/fuzz/run.sh $$name $(FUZZ_SECONDS) || exit 1; done

# The release build: sanitizers would be what is measured.
BENCH_NEEDS = all build/bench-floor build/bench-make build/bench-shim.so
BENCH_JSON ?= build/bench.json

# It goes on without a peer that cannot be had, and says so.
bench:
	@tools/deps.sh bench
	@tools/deps.sh peers || :
	@$(AGAIN) $(BENCH_NEEDS)
	@tests/bench/bench.py --json '$(BENCH_JSON)' $(if $(QUICK),--quick) $(if $(BUDGET),--budget)

bench-budget:
	@tools/deps.sh bench
	@$(AGAIN) $(BENCH_NEEDS)
	@tests/bench/bench.py --json '$(BENCH_JSON)' --budget-only

bench-doc:
	@tests/bench/bench.py --doc '$(BENCH_JSON)' >build/performance.md
	@mkdir -p docs
	@mv build/performance.md docs/performance.md

bench-ledger:
	@tools/deps.sh run
	@$(AGAIN) build/bench-ledger
	@build/bench-ledger

bench-detect:
	@tools/deps.sh run
	@$(AGAIN) build/bench-detect
	@build/bench-detect

bench-instructions:
	@tools/deps.sh check
	@$(AGAIN) build/bench-parse
	@build/bench-parse
	@echo
	@tests/bench/instructions.sh build/bench-parse build/instructions.json

# ---- install ----

# Two halves, and two packages of Debian: who has no Prometheus needs no libmicrohttpd. Each has a
# directory of its own for documents, DOCDIR and DOCDIR-exporter.
#
# Drop-ins lie with the documentation: below a unit's directory they would be on. The configuration is
# the administrator's from the first day; what this version would have written lies there as well.

D = $(DESTDIR)

CATALOGS = $(wildcard systemd/twmon*.catalog)
DROPINS  = $(wildcard systemd/dropins/*.conf)
FLEET    = $(wildcard etc/fleet/*)

# Paths in what is installed, from those of the tree.
RELOCATE = sed 's|/usr/local/sbin/twmon|$(SBINDIR)/twmon|; s|/usr/local/bin/twmonctl|$(BINDIR)/twmonctl|; \
                s|/usr/local/share/doc/twmon|$(DOCDIR)|; s|/usr/local/share |$(PREFIX)/share |'

install: install-twmon install-exporter
	$(SAY_NEXT)

# twmond and twmonctl; they need no libmicrohttpd.
install-twmon: $(B)/twmond $(B)/twmonctl
	$(INSTALL) -d '$(D)$(BINDIR)' '$(D)$(SBINDIR)' '$(D)$(UNITDIR)' '$(D)$(CATALOGDIR)' \
	  '$(D)$(MANDIR)/man1' '$(D)$(MANDIR)/man5' '$(D)$(MANDIR)/man8' \
	  '$(D)$(BASHDIR)' '$(D)$(ZSHDIR)' '$(D)$(FISHDIR)' \
	  '$(D)$(DOCDIR)/dropins' '$(D)$(SYSCONFDIR)/twmon/twmon.conf.d'
	$(INSTALL) -m 755 build/twmond '$(D)$(SBINDIR)/twmond'
	$(INSTALL) -m 755 build/twmonctl '$(D)$(BINDIR)/twmonctl'
	$(RELOCATE) systemd/twmond.service >'$(D)$(UNITDIR)/twmond.service'
	chmod 644 '$(D)$(UNITDIR)/twmond.service'
	$(RELOCATE) systemd/twmon-alert@.service >'$(D)$(UNITDIR)/twmon-alert@.service'
	chmod 644 '$(D)$(UNITDIR)/twmon-alert@.service'
	$(INSTALL) -m 644 systemd/twmond.socket '$(D)$(UNITDIR)/twmond.socket'
	$(INSTALL) -m 644 $(CATALOGS) '$(D)$(CATALOGDIR)'
	$(RELOCATE) man/twmonctl.1 >'$(D)$(MANDIR)/man1/twmonctl.1'
	chmod 644 '$(D)$(MANDIR)/man1/twmonctl.1'
	$(INSTALL) -m 644 man/twmon.conf.5 '$(D)$(MANDIR)/man5/twmon.conf.5'
	$(RELOCATE) man/twmond.8 >'$(D)$(MANDIR)/man8/twmond.8'
	chmod 644 '$(D)$(MANDIR)/man8/twmond.8'
	$(INSTALL) -m 644 completion/twmonctl.bash '$(D)$(BASHDIR)/twmonctl'
	$(INSTALL) -m 644 completion/_twmonctl '$(D)$(ZSHDIR)/_twmonctl'
	$(INSTALL) -m 644 completion/twmonctl.fish '$(D)$(FISHDIR)/twmonctl.fish'
	$(INSTALL) -m 644 $(DROPINS) '$(D)$(DOCDIR)/dropins'
	$(INSTALL) -m 644 etc/twmon.conf '$(D)$(DOCDIR)/twmon.conf.example'
	$(INSTALL) -d '$(D)$(DOCDIR)/fleet'
	set -e; for file in docs/fleet.md $(FLEET); do \
	  $(RELOCATE) "$$file" >'$(D)$(DOCDIR)/fleet'/"$${file##*/}"; \
	  chmod 644 '$(D)$(DOCDIR)/fleet'/"$${file##*/}"; done
	test -e '$(D)$(SYSCONFDIR)/twmon/twmon.conf' || \
	  $(INSTALL) -m 644 etc/twmon.conf '$(D)$(SYSCONFDIR)/twmon/twmon.conf'
	$(UPDATE_CATALOG)

# The exporter, and what is made for a Prometheus that asks it.
install-exporter: $(B)/twmon-exporter
	$(INSTALL) -d '$(D)$(SBINDIR)' '$(D)$(UNITDIR)' '$(D)$(MANDIR)/man8' '$(D)$(DOCDIR)-exporter'
	$(INSTALL) -m 755 build/twmon-exporter '$(D)$(SBINDIR)/twmon-exporter'
	$(RELOCATE) systemd/twmon-exporter.service >'$(D)$(UNITDIR)/twmon-exporter.service'
	chmod 644 '$(D)$(UNITDIR)/twmon-exporter.service'
	$(INSTALL) -m 644 systemd/twmon-exporter.socket '$(D)$(UNITDIR)/twmon-exporter.socket'
	$(RELOCATE) man/twmon-exporter.8 >'$(D)$(MANDIR)/man8/twmon-exporter.8'
	chmod 644 '$(D)$(MANDIR)/man8/twmon-exporter.8'
	$(INSTALL) -m 644 etc/prometheus/twmon.rules.yml '$(D)$(DOCDIR)-exporter/twmon.rules.yml'
	$(INSTALL) -m 644 etc/grafana/twmon.json '$(D)$(DOCDIR)-exporter/twmon.grafana.json'

# Configuration and state stay; twmond(8) says how to remove them. Before: systemctl disable --now
# twmond.service twmond.socket twmon-exporter.service twmon-exporter.socket. The directories are those
# that make install was given.
uninstall:
	rm -f '$(D)$(BINDIR)/twmonctl' '$(D)$(SBINDIR)/twmond' '$(D)$(UNITDIR)/twmond.service' \
	  '$(D)$(UNITDIR)/twmond.socket' '$(D)$(UNITDIR)/twmon-alert@.service' \
	  '$(D)$(SBINDIR)/twmon-exporter' '$(D)$(UNITDIR)/twmon-exporter.service' \
	  '$(D)$(UNITDIR)/twmon-exporter.socket' '$(D)$(MANDIR)/man8/twmon-exporter.8' \
	  $(CATALOGS:systemd/%='$(D)$(CATALOGDIR)/%') \
	  '$(D)$(BASHDIR)/twmonctl' '$(D)$(ZSHDIR)/_twmonctl' '$(D)$(FISHDIR)/twmonctl.fish' \
	  '$(D)$(MANDIR)/man1/twmonctl.1' '$(D)$(MANDIR)/man5/twmon.conf.5' \
	  '$(D)$(MANDIR)/man8/twmond.8' '$(D)$(DOCDIR)/twmon.conf.example' \
	  '$(D)$(DOCDIR)-exporter/twmon.rules.yml' '$(D)$(DOCDIR)-exporter/twmon.grafana.json' \
	  '$(D)$(DOCDIR)/fleet/fleet.md' $(FLEET:etc/%='$(D)$(DOCDIR)/%') \
	  $(DROPINS:systemd/%='$(D)$(DOCDIR)/%')
	rmdir '$(D)$(DOCDIR)/dropins' '$(D)$(DOCDIR)/fleet' '$(D)$(DOCDIR)' '$(D)$(DOCDIR)-exporter' 2>/dev/null || :
	$(UPDATE_CATALOG)

# Packages (DESTDIR) leave that to the system that they are installed on.
SAY_NEXT = $(if $(D),@:,@echo 'Next: systemctl daemon-reload && systemctl enable --now twmond.service' \
             && echo 'After an upgrade: systemctl daemon-reload && systemctl try-restart twmond.service')
UPDATE_CATALOG = $(if $(D),@:,if command -v journalctl >/dev/null; then journalctl --update-catalog; fi)

# ---- release ----

# What is committed, in build/, byte by byte the same whoever makes it.
dist:
	@tools/deps.sh dist
	@tools/dist.sh build

# Of the tree as it is.
deb:
	@tools/deps.sh deb
	@tools/deb.sh build/deb

# Apart from "make check": these need Debian's tools, dpkg and apt, which other systems do not have,
# build everything once more, and wait for apt again and again. TREE as for check-systemd.
check-package:
	@tools/deps.sh package
	@$(AGAIN) WERROR=1 all build/demo-leaky build/clock-shim.so
	@tools/deb.sh build/deb
	@TWMON_TREE='$(TREE)' tests/run $(sort $(wildcard tests/package/*.sh tests/package/test_*.py))

clean:
	rm -rf build

help:
	@echo 'make             build/twmond, twmonctl and twmon-exporter (V=1: show commands)'
	@echo 'make run         set up what is missing, build, watch this host until Ctrl-C'
	@echo 'make demo        a leak, found and cleared, in a network namespace of its own (11 s)'
	@echo 'make check       set up what is missing, then every test'
	@echo 'make check-systemd TREE=DIR'
	@echo '                 the tests that boot a systemd, with the one unpacked in DIR (as root)'
	@echo 'make lint        only the checks that read the tree'
	@echo 'make fuzz        every fuzz target for FUZZ_SECONDS=$(FUZZ_SECONDS)'
	@echo 'make bench       what a million sockets cost, beside the bare dump, ss, collectd, node_exporter'
	@echo '                 and others, in namespaces of its own (12 min; QUICK=1: less than one);'
	@echo '                 writes BENCH_JSON=$(BENCH_JSON)'
	@echo 'make bench-budget'
	@echo '                 the same for ten minutes under CPUBudget; BUDGET=1 adds it to make bench'
	@echo 'make bench-doc   docs/performance.md from the last run'
	@echo 'make bench-ledger'
	@echo '                 the cost of 100,000 sockets in the ledger, beside that of listing them'
	@echo 'make bench-detect'
	@echo '                 leaks and healthy hosts, simulated: found, missed, false alarms (30 s)'
	@echo 'make bench-instructions'
	@echo '                 what a message of a dump costs: nanoseconds, and instructions by valgrind'
	@echo 'make install     honours DESTDIR and PREFIX=$(PREFIX)'
	@echo 'make install-twmon, make install-exporter'
	@echo '                 only one half of it, as in the packages twmon and twmon-exporter'
	@echo 'make uninstall   with the same PREFIX etc.; keeps the configuration and the state. Before it:'
	@echo '                 systemctl disable --now twmond.service twmond.socket twmon-exporter.socket'
	@echo 'make dist        build/twmon-$(VERSION).tar.gz from the last commit, reproducible'
	@echo 'make deb         the Debian packages, their source and what goes with it, in build/deb'
	@echo 'make check-package [TREE=DIR]'
	@echo '                 make deb, and the tests of the packages: lintian and, as root, installed,'
	@echo '                 upgraded and purged in a systemd that is booted for it'
	@echo 'make clean       removes build/'

-include $(wildcard $(B)/*/*.d $(B)/tests/*/*.d)
