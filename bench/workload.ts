import type { Lab, SubjectName } from './harness.ts'

/** How much of everything is done in a round. */
export interface Effort {
  /** Multiplies calls and times; 1 for figures, far less where only correctness counts. */
  scale: number
}

/** One line of the table: the same work given to several servers, in turn, round by round. */
export interface Workload {
  name: string
  unit: string
  /** Who is the measure of all things here. */
  floor: SubjectName
  service: SubjectName
  peer?: SubjectName
  /** What is asked of the service, in words. */
  wanted?: string
  /** Rounds before the first that counts, so that code is compiled and pools are filled. */
  warmUps: number
  /** One round's value for one server. */
  measure(lab: Lab, subject: SubjectName, effort: Effort): Promise<number>
}

/** At least two, since concurrency is part of every workload. */
export function scaled(count: number, { scale }: Effort): number {
  return Math.max(2, Math.round(count * scale))
}
