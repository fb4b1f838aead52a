/** A waiting call. */
export interface Entry {
  /** Whose call it is. */
  readonly caller: string
  /** The lowest is the oldest. */
  readonly order: number
}

/**
 * Waiting calls in the order of their turns: callers take turns, and the calls of one caller go in the order of their arrival.
 * So a caller with few calls does not wait for all calls of a caller with many.
 */
export class FairQueue<E extends Entry> {
  /** Calls whose turn was in vain; they go first. */
  readonly #again: E[] = []
  /** In the order of the callers' next turns. */
  readonly #byCaller = new Map<string, E[]>()
  #length = 0

  get length(): number {
    return this.#length
  }

  /** @param hadTurn its caller has had the turn before, so the call keeps its place before all others */
  add(entry: E, hadTurn: boolean): void {
    this.#length++
    const own = hadTurn ? this.#again : this.#byCaller.get(entry.caller)
    if (own === undefined) this.#byCaller.set(entry.caller, [entry])
    else insert(own, entry)
  }

  /** @returns whether it was waiting */
  remove(entry: E): boolean {
    const own = this.#byCaller.get(entry.caller)
    const wasWaiting = withdraw(this.#again, entry) || (own !== undefined && withdraw(own, entry))
    if (own?.length === 0) this.#byCaller.delete(entry.caller)
    if (wasWaiting) this.#length--
    return wasWaiting
  }

  /** Takes the call whose turn it is; with `caller`, the first of that caller. */
  take(caller?: string): E | undefined {
    const again = caller === undefined ? this.#again.shift() : undefined
    const [next] = this.#byCaller.keys()
    const entry = again ?? this.#takeFrom(caller ?? next)
    if (entry !== undefined) this.#length--
    return entry
  }

  #takeFrom(caller: string | undefined): E | undefined {
    if (caller === undefined) return undefined
    const own = this.#byCaller.get(caller)
    if (own === undefined) return undefined
    // The caller's next turn is after those of all others.
    this.#byCaller.delete(caller)
    const entry = own.shift()
    if (own.length > 0) this.#byCaller.set(caller, own)
    return entry
  }

  /** The callers of the next turns, at most so many, the next one first. `isAgain`: a turn that the caller had in vain. */
  nextCallers(most: number): { callers: string[]; isAgain: boolean } {
    const [again] = this.#again
    if (again !== undefined) return { callers: [again.caller], isAgain: true }
    return { callers: [...this.#byCaller.keys().take(most)], isAgain: false }
  }

  get callerCount(): number {
    return this.#byCaller.size
  }

  /**
   * Turns before that of a waiting call, or of one that its caller would add now.
   *
   * @param caller by default, one that has no call waiting
   * @param others waiting elsewhere for the same turns
   */
  turnsBefore(caller: string | undefined, entry?: E, others?: { waiting: number; waitingCallers: number }): number {
    const again = entry === undefined ? -1 : this.#again.indexOf(entry)
    if (again !== -1) return again
    const own = caller === undefined ? undefined : this.#byCaller.get(caller)
    const place = entry === undefined ? (own?.length ?? 0) : Math.max(0, own?.indexOf(entry) ?? 0)
    let turns = this.#again.length + place
    let isBefore = true
    for (const [other, { length }] of this.#byCaller) {
      if (other === caller) isBefore = false
      else turns += Math.min(length, isBefore ? place + 1 : place)
    }
    return others === undefined ? turns : turns + Math.min(others.waiting, others.waitingCallers * (place + 1))
  }
}

/** Most calls arrive in order, so the place is sought from the end. */
function insert<E extends Entry>(list: E[], entry: E): void {
  list.splice(list.findLastIndex(({ order }) => order < entry.order) + 1, 0, entry)
}

function withdraw<E>(list: E[], entry: E): boolean {
  const at = list.indexOf(entry)
  if (at !== -1) list.splice(at, 1)
  return at !== -1
}
