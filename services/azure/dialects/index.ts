import type { DialectName, Model } from '../../../schemas/models.ts'
import { restrictTo } from '../../parameters/wire.ts'
import { bflDialect } from './bfl.ts'
import { deploymentsDialect } from './deployments.ts'
import type { Dialect } from './dialect.ts'
import { maiDialect } from './mai.ts'
import { v1Dialect } from './v1.ts'

export const dialects: Readonly<Record<DialectName, Dialect>> = {
  deployments: deploymentsDialect,
  v1: v1Dialect,
  bfl: bflDialect,
  mai: maiDialect,
}

/**
 * The routes to try, in order. FLUX.1 has two: an API version belongs to the deployment route, so that route is tried
 * first if the operator sets one, else the provider route.
 */
export function routesOf(model: Model, choice: DialectName | 'auto', apiVersion: string | undefined): Dialect[] {
  if (choice !== 'auto') return [dialects[choice]]
  const [preferred, ...others] = model.dialects
  if (preferred === undefined) return [deploymentsDialect]
  const onTwoRoutes = model.dialects.includes('bfl') && model.dialects.includes('deployments')
  if (!onTwoRoutes) return [dialects[preferred]]
  const first = apiVersion === undefined ? 'bfl' : 'deployments'
  return [dialects[first], ...[preferred, ...others].filter((name) => name !== first).map((name) => dialects[name])]
}

/** What a model can do on a route, which may not send everything. FLUX on the deployment route ignores the size of edits. */
export function onRoute(model: Model, route: DialectName): Model {
  const restricted = restrictTo(route, model)
  if (model.providerPath === undefined || route === 'bfl' || restricted.editSize.kind === 'none') return restricted
  return { ...restricted, editSize: { kind: 'choices', sizes: ['1024x1024'] } }
}

/**
 * What a model can do before it is known which of its routes works: what the first one can send. A route that ignores the
 * size of edits does not restrict it if another one follows it.
 */
export function onFirstRoute(model: Model, routes: readonly Dialect[]): Model {
  const rows = routes.map(({ name }) => onRoute(model, name))
  const [first = model, ...others] = rows
  return others.every(({ editSize }) => editSize.kind === 'none') ? first : { ...first, editSize: model.editSize }
}
