import type { Model } from '../../../schemas/models.ts'
import type { ServiceFault } from '../../errors/faults.ts'
import type { Logger } from '../../logging/logger.ts'
import type { DeploymentInfo } from '../types.ts'

export type RetirementState = 'retired' | 'retiring'

const MS_PER_DAY = 86_400_000
/** Azure notifies at least 60 days before: https://learn.microsoft.com/azure/foundry/openai/concepts/model-retirements */
const NOTICE_DAYS = 60
/** From then on it is a fault, as in the alert. */
const FAULT_DAYS = 30
/** Replacing a model takes longer than being told. */
const WARNING_DAYS = 90

/** Whole days (UTC) until Azure retires the model; 0 on that day, negative after it. `undefined` if no date is known. */
export function daysToRetirement({ retires }: Pick<Model, 'retires'>, now: Date): number | undefined {
  if (retires === undefined) return undefined
  const days = Math.ceil((Date.parse(retires) - now.getTime()) / MS_PER_DAY)
  // Not -0.
  return days === 0 ? 0 : days
}

/** Whether the model's retirement date has come or is within 60 days. */
export function retirementState(model: Pick<Model, 'retires'>, now: Date): RetirementState | undefined {
  const days = daysToRetirement(model, now)
  if (days === undefined || days > NOTICE_DAYS) return undefined
  return days <= 0 ? 'retired' : 'retiring'
}

/** The state of the deployment that is closest to its end, for `/ready`. */
function worstRetirementState(deployments: readonly DeploymentInfo[], now: Date): RetirementState | 'current' {
  const states = deployments.map(({ capabilities }) => retirementState(capabilities, now))
  if (states.includes('retired')) return 'retired'
  return states.includes('retiring') ? 'retiring' : 'current'
}

/** The days until each deployment's model is retired, for metrics. Those without a known date are left out. */
export function retirementDays(deployments: readonly DeploymentInfo[], now: Date) {
  return deployments.flatMap(({ name, capabilities }) => {
    const value = daysToRetirement(capabilities, now)
    return value === undefined ? [] : [{ labels: { deployment: name }, value }]
  })
}

/** For `/ready`. */
export function modelsPart(deployments: readonly DeploymentInfo[], now: Date) {
  const isEnding = retirementDays(deployments, now).some(({ value }) => value < FAULT_DAYS)
  const faults: ServiceFault[] = isEnding ? ['IMG_ERR_MODEL_RETIRING'] : []
  return { ready: true, state: worstRetirementState(deployments, now), faults }
}

/** The same in words, for `/ready`. */
export function describeRetirements(deployments: readonly DeploymentInfo[], now: Date): Record<string, string> {
  return Object.fromEntries(deployments.map(({ name, capabilities }) => [name, describeRetirement(capabilities, now)]))
}

function describeRetirement(model: Pick<Model, 'retires'>, now: Date): string {
  const days = daysToRetirement(model, now)
  if (days === undefined) return 'no date known'
  if (days === 0) return `today (${model.retires})`
  return days > 0 ? `in ${count(days)} (${model.retires})` : `${count(-days)} ago (${model.retires})`
}

const count = (days: number) => `${days} ${days === 1 ? 'day' : 'days'}`

/** Logs each deployment's model, since a wrong guess makes calls fail or cost more, and upcoming retirements. */
export function logDeployments(deployments: readonly DeploymentInfo[], log: Logger): void {
  const now = new Date()
  for (const { name, model, recognition, capabilities } of deployments) {
    log.info({ deployment: name, model, recognition }, 'deployment')
    const daysLeft = daysToRetirement(capabilities, now)
    if (daysLeft === undefined || daysLeft > WARNING_DAYS) continue
    const state = retirementState(capabilities, now) ?? 'announced'
    const code = daysLeft < FAULT_DAYS ? 'IMG_ERR_MODEL_RETIRING' : undefined
    log.warn(
      { code, deployment: name, model, retires: capabilities.retires, daysLeft, state },
      'azure retires this model',
    )
  }
}
