/*
 * Makes a disk fail on demand: preloaded into a process, it lets calls on files whose path contains FAULT_PATH fail as
 * the file FAULT_SWITCH says. "sync": fdatasync and fsync fail with EIO. "meta": writes through descriptors that flush
 * by themselves (O_DSYNC) fail with EIO. "full": the file system has no free block, and writes fail with ENOSPC. Absent or
 * empty: everything works.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

static int concerns(int fd) {
  const char *part = getenv("FAULT_PATH");
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (part == NULL || length <= 0) return 0;
  path[length] = 0;
  return strstr(path, part) != NULL && strstr(path, "data.mdb") != NULL;
}

static int wants(const char *fault) {
  const char *name = getenv("FAULT_SWITCH");
  char now[16] = {0};
  int fd = name == NULL ? -1 : open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t length = read(fd, now, sizeof now - 1);
  close(fd);
  return length > 0 && strncmp(now, fault, strlen(fault)) == 0;
}

/* The error that a write to this descriptor is to fail with, or 0. */
static int write_fault(int fd) {
  if (!concerns(fd)) return 0;
  if (wants("full")) return ENOSPC;
  return (fcntl(fd, F_GETFL) & O_DSYNC) != 0 && wants("meta") ? EIO : 0;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL_OR(error, call) \
  do { \
    int failure = (error); \
    if (failure == 0) return call; \
    errno = failure; \
    return -1; \
  } while (0)

int fdatasync(int fd) { FAIL_OR(concerns(fd) && wants("sync") ? EIO : 0, NEXT(fdatasync)(fd)); }
int fsync(int fd) { FAIL_OR(concerns(fd) && wants("sync") ? EIO : 0, NEXT(fsync)(fd)); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { FAIL_OR(write_fault(fd), NEXT(pwrite)(fd, data, size, at)); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { FAIL_OR(write_fault(fd), NEXT(pwrite64)(fd, data, size, at)); }
ssize_t writev(int fd, const struct iovec *parts, int count) { FAIL_OR(write_fault(fd), NEXT(writev)(fd, parts, count)); }
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { FAIL_OR(write_fault(fd), NEXT(pwritev)(fd, parts, count, at)); }

static int is_full(const char *path) {
  const char *part = getenv("FAULT_PATH");
  return part != NULL && strstr(path, part) != NULL && wants("full");
}

/* A full disk says so. */
int statfs(const char *path, struct statfs *found) {
  int result = NEXT(statfs)(path, found);
  if (result == 0 && is_full(path)) found->f_bfree = found->f_bavail = 0;
  return result;
}

int statfs64(const char *path, struct statfs64 *found) {
  int result = NEXT(statfs64)(path, found);
  if (result == 0 && is_full(path)) found->f_bfree = found->f_bavail = 0;
  return result;
}
