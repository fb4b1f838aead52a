import type { Secret } from './secret.ts'

type Opaque =
  | string
  | number
  | boolean
  | undefined
  | Secret
  | Uint8Array
  | ReadonlySet<unknown>
  | ((...args: never[]) => unknown)

/** `T` with every member of every object and array in it read-only. */
export type DeepReadonly<T> = T extends Opaque ? T : { readonly [K in keyof T]: DeepReadonly<T[K]> }

/** Freezes plain objects and arrays all the way down; instances of classes guard themselves. */
export function deepFreeze<T>(value: T): DeepReadonly<T>
export function deepFreeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null && !Array.isArray(value)) return value
  for (const member of Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}
