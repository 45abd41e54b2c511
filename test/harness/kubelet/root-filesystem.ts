/**
 * The file system that a container sees: a root of its own in memory, with the machine's programs, the image and the
 * volumes mounted into it. It is made by a shell script inside the container's mount namespace, so that nothing of it
 * outlives the container.
 */
import { existsSync, lstatSync, readlinkSync, statSync } from "node:fs";
import { posix } from "node:path";
import type { Image } from "./image.ts";

export interface Mount {
  readonly from: string;
  readonly to: string;
  readonly isReadOnly: boolean;
}

export interface RootFilesystem {
  /** A folder to mount the root on; containers may share it. */
  readonly mountPoint: string;
  readonly image: Image;
  /** Volumes, in any order. */
  readonly mounts: readonly Mount[];
  readonly isReadOnly: boolean;
  readonly hostname: string;
  /** A folder with the pod's `hosts`, which changes while the container runs. */
  readonly hostsFolder: string;
}

const devices = ["null", "zero", "full", "random", "urandom", "tty"];
const users = `root:x:0:0::/root:/bin/sh
node:x:1000:1000::/home/node:/bin/sh
nobody:x:65534:65534::/nonexistent:/bin/false
`;

/** Lines of a POSIX shell that make the root and enter it. They need root, and namespaces of mounts, processes and host names. */
export function rootScript(root: RootFilesystem): string {
  const { image, mounts, mountPoint, hostsFolder, hostname } = root;
  const sorted = mounts.toSorted((a, b) => depth(a.to) - depth(b.to));
  return [
    "set -eu",
    `mount -t tmpfs -o mode=755,size=256m root ${quote(mountPoint)}`,
    `cd ${quote(mountPoint)}`,
    "mkdir -p etc proc dev tmp root home/node usr run var/tmp var/lib var/log",
    "chmod 1777 tmp var/tmp; chown 1000:1000 home/node; ln -s ../run var/run",
    bind({ from: "/usr", to: "/usr", isReadOnly: true }),
    "mount -t tmpfs -o mode=755 local usr/local; mkdir usr/local/bin",
    ...["bin", "sbin", "lib", "lib64"].filter((name) => existsSync(`/${name}`)).map(systemFolder),
    "mount -t proc proc proc",
    "mount -t tmpfs -o mode=755 dev dev; mkdir dev/shm; chmod 1777 dev/shm",
    ...devices.map((name) => bind({ from: `/dev/${name}`, to: `/dev/${name}`, isReadOnly: false })),
    "ln -s /proc/self/fd dev/fd; ln -s fd/0 dev/stdin; ln -s fd/1 dev/stdout; ln -s fd/2 dev/stderr",
    `printf %s ${quote(users)} >etc/passwd`,
    `printf %s ${quote("root:x:0:\nnode:x:1000:\nnogroup:x:65534:\n")} >etc/group`,
    `printf %s ${quote("hosts: files\n")} >etc/nsswitch.conf`,
    `printf %s ${quote(`${hostname}\n`)} >etc/hostname; : >etc/resolv.conf`,
    ...["/etc/ld.so.cache", "/etc/ssl"]
      .filter((path) => existsSync(path))
      .map((path) => bind({ from: path, to: path, isReadOnly: true })),
    bind({ from: hostsFolder, to: "/run/hosts", isReadOnly: true }),
    "ln -s ../run/hosts/hosts etc/hosts",
    ...image.mounts.map(({ from, to }) => bind({ from, to, isReadOnly: true })),
    ...image.links.map(({ to, at }) => `ln -s ${quote(to)} ${quote(`.${at}`)}`),
    ...image.folders.map((path) => ownFolder(path, image)),
    bind({ ...image.compiled, isReadOnly: true }),
    ...sorted.map(bind),
    `echo ${quote(hostname)} >/proc/sys/kernel/hostname`,
    "pivot_root . .",
    "umount -l .",
    ...(root.isReadOnly ? ["mount -o remount,ro /"] : []),
    "cd /",
  ].join("\n");
}

function depth(path: string): number {
  return posix.normalize(path).split("/").length;
}

/** A part of the system that is a link to another, as `/bin` is on most, or a folder. */
function systemFolder(name: string): string {
  const path = `/${name}`;
  if (lstatSync(path).isSymbolicLink()) return `ln -s ${quote(readlinkSync(path))} ${name}`;
  return bind({ from: path, to: path, isReadOnly: true });
}

function ownFolder(path: string, { user }: Image): string {
  const inside = quote(`.${path}`);
  return `mkdir -p ${inside}; chown ${user.uid}:${user.gid} ${inside}`;
}

function bind({ from, to, isReadOnly }: Mount): string {
  const target = quote(`.${posix.resolve("/", to)}`);
  const make = statSync(from).isDirectory()
    ? `mkdir -p ${target}`
    : `mkdir -p ${quote(`.${posix.dirname(posix.resolve("/", to))}`)}; [ -e ${target} ] || : >${target}`;
  return `${make}; mount -o ${isReadOnly ? "bind,ro" : "bind"} ${quote(from)} ${target}`;
}

/** A word of a POSIX shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
