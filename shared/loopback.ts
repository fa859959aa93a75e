/**
 * Which hosts are this machine itself.
 *
 * @module
 */

/** Addresses that only who can log into the machine reaches. */
const LOOPBACK = /^(localhost|::1|\[::1\]|127(\.\d{1,3}){3})$/;

/** Whether a host, as settings and URLs write it, is one. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}
