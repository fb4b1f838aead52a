import { Gauge, type Registry, type RegistryContentType } from 'prom-client'
import { type FaultCode, faultCodes } from '../errors/faults.ts'

/** A gauge of what is wrong, read when it is scraped. @returns sets where it is read from */
export function createFaultGauge(
  prefix: string,
  registry: Registry<RegistryContentType>,
): (read: () => Promise<readonly FaultCode[]>) => void {
  let source = async (): Promise<readonly FaultCode[]> => []
  new Gauge({
    name: `${prefix}fault`,
    help: '1 while something is wrong that an operator has to repair, by its code (docs/faults.md)',
    labelNames: ['code'],
    registers: [registry],
    async collect() {
      const faults = new Set(await source())
      for (const code of faultCodes) this.set({ code }, Number(faults.has(code)))
    },
  })
  return (read) => {
    source = read
  }
}
