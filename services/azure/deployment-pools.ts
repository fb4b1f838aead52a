import { nearestName } from '../errors/nearest-name.ts'
import type { DeploymentOptions } from './deployment.ts'

type PoolMember = Pick<DeploymentOptions, 'name' | 'baseUrl' | 'deployment' | 'model' | 'pool'>

/** What is wrong with the pools of a deployments file (problems), or probably is (warnings). */
export function checkPools(deployments: readonly PoolMember[]): { problems: string[]; warnings: string[] } {
  const pools = Map.groupBy(
    deployments.filter(({ pool }) => pool !== undefined),
    ({ pool = '' }) => pool,
  )
  const problems: string[] = []
  const warnings: string[] = []
  for (const [pool, members] of pools) {
    const [first] = members
    if (new Set(members.map(({ model }) => model.id)).size > 1) {
      const models = members.map(({ name, model }) => `"${name}" is ${model.id}`).join(', ')
      problems.push(`the pool "${pool}" has different models: ${models}`)
    }
    if (members.length === 1 && first !== undefined) {
      const nearest = nearestName(
        pool,
        [...pools.keys()].filter((other) => other !== pool),
      )
      const hint = nearest === undefined ? '' : `; did you mean "${nearest}"?`
      warnings.push(`the pool "${pool}" has only the deployment "${first.name}"${hint}`)
    }
    for (const same of Map.groupBy(members, addressOf).values()) {
      const [one, other] = same
      if (one === undefined || other === undefined) continue
      warnings.push(`"${one.name}" and "${other.name}" of the pool "${pool}" are one deployment, with one quota`)
    }
  }
  return { problems, warnings }
}

const addressOf = ({ baseUrl, deployment }: PoolMember) => `${baseUrl}\n${deployment.toLowerCase()}`
