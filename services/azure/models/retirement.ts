import type { Model } from '../../../schemas/models.ts'
import type { Logger } from '../../logging/logger.ts'
import type { DeploymentInfo } from '../types.ts'

export type RetirementState = 'retired' | 'retiring'

const MS_PER_DAY = 86_400_000
const NOTICE_DAYS = 60

/** Whether the model's retirement date has passed or is within 60 days. */
export function retirementState({ retires }: Pick<Model, 'retires'>, now: Date): RetirementState | undefined {
  if (retires === undefined) return undefined
  const daysLeft = (Date.parse(retires) - now.getTime()) / MS_PER_DAY
  if (daysLeft <= 0) return 'retired'
  return daysLeft <= NOTICE_DAYS ? 'retiring' : undefined
}

/** The state of the deployment that is closest to its end, for `/ready`. */
export function worstRetirementState(deployments: readonly DeploymentInfo[], now: Date): RetirementState | 'current' {
  const states = deployments.map(({ capabilities }) => retirementState(capabilities, now))
  if (states.includes('retired')) return 'retired'
  return states.includes('retiring') ? 'retiring' : 'current'
}

/** Logs each deployment's model, since a wrong guess makes calls fail or cost more, and upcoming retirements. */
export function logDeployments(deployments: readonly DeploymentInfo[], log: Logger): void {
  for (const { name, model, recognition, capabilities } of deployments) {
    log.info({ deployment: name, model, recognition }, 'deployment')
    const state = retirementState(capabilities, new Date())
    if (state === undefined) continue
    log.warn({ deployment: name, model, retires: capabilities.retires, state }, 'azure retires this model')
  }
}
