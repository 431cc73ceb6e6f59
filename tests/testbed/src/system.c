// What a process is told by its system, as a test wants it. Loaded into the process by LD_PRELOAD (ld.so(8)).
//
// The file that TESTBED_SYSTEM names holds two numbers of 64 bits, which the test changes while the process runs: by how many
// nanoseconds the wall clock is ahead of the machine's, and what becomes of names that are looked up.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { WORKING, FAILING, SILENT };

struct page {
    int64_t ahead;
    int64_t names;
};

static const int64_t SECOND = 1000000000;
// How long a resolver waits for servers that do not answer, in steps of 50 ms: two servers, 5 s each (resolv.conf(5)).
static const int STEPS = 200;

static const volatile struct page *page;

__attribute__((constructor)) static void load(void) {
    const char *path = getenv("TESTBED_SYSTEM");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) {
        return;
    }
    void *mapped = mmap(NULL, sizeof(struct page), PROT_READ, MAP_SHARED, file, 0);
    page = mapped == MAP_FAILED ? NULL : mapped;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    if (syscall(SYS_clock_gettime, clock, time) != 0) {
        return -1;
    }
    if (page && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t now = (int64_t)time->tv_sec * SECOND + time->tv_nsec + page->ahead;
        time->tv_sec = now / SECOND;
        time->tv_nsec = now % SECOND;
    }
    return 0;
}

// Every name is this machine, so that nothing depends on how the machine itself looks names up.
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
    for (int step = 0; page && page->names == SILENT && step < STEPS; step++) {
        usleep(50000);
    }
    if (page && page->names != WORKING) {
        return EAI_AGAIN;
    }
    return next(page && name ? "127.0.0.1" : name, service, hints, found);
}
