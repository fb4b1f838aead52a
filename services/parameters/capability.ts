import type { Model, Operation } from '../../schemas/models.ts'

/** The members of a model row that have one of these types. */
type MembersOf<T> = { [M in keyof Model]-?: Model[M] extends T ? M : never }[keyof Model]

/** What a row of the model table says about an argument. */
export interface Capability {
  /** The member of the row. */
  readonly member: keyof Model
  isAllowed(model: Model): boolean
  /** The row without this capability. */
  remove(model: Model): Model
}

export function flag(member: MembersOf<boolean>): Capability {
  return { member, isAllowed: (model) => model[member], remove: (model) => ({ ...model, [member]: false }) }
}

export function list(member: MembersOf<readonly string[]>): Capability {
  return { member, isAllowed: (model) => model[member].length > 0, remove: (model) => ({ ...model, [member]: [] }) }
}

/** A number of which every model accepts one. */
export function several(member: 'maxCount' | 'maxImages'): Capability {
  return { member, isAllowed: (model) => model[member] > 1, remove: (model) => ({ ...model, [member]: 1 }) }
}

export function optional(member: 'guidance' | 'steps' | 'imagesField'): Capability {
  return {
    member,
    isAllowed: (model) => model[member] !== undefined,
    remove: (model) => {
      const { [member]: _removed, ...rest } = model
      return rest
    },
  }
}

export function sizeRule(member: 'generateSize' | 'editSize', operation: Operation): Capability {
  return {
    member,
    isAllowed: (model) => model.operations.includes(operation) && model[member].kind !== 'none',
    remove: (model) => ({ ...model, [member]: { kind: 'none' } }),
  }
}
