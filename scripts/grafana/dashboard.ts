import {
  BigValueGraphMode,
  BigValueTextMode,
  type DataSourceRef,
  LegendDisplayMode,
  LegendPlacement,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  DashboardBuilder,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import { type Board, colorsOf, type Panel, type Query, sizeOf } from './board.ts'

const source: DataSourceRef = { type: 'prometheus', uid: '$datasource' }
const TAG = 'azure-image-editor'

/** The board as the JSON that Grafana imports. */
export function dashboardOf(board: Board): string {
  const builder = new DashboardBuilder(board.title)
    .uid(`${TAG}-${board.name}`)
    .description(board.about)
    .tags([TAG])
    .timezone('browser')
    .refresh('30s')
    .time({ from: 'now-6h', to: 'now' })
    .link(
      new DashboardLinkBuilder('Image service')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .keepTime(true)
        .includeVars(true),
    )
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    // "All" are the values that the service has: series such as `up` and `process_…` are those of every other process as well.
    .withVariable(choiceOf('job', 'Service', 'label_values(image_mcp_build_info, job)'))
    .withVariable(
      choiceOf('instance', 'Replica', 'label_values(image_mcp_build_info{job=~"$job"}, instance)').allValue('.*'),
    )
  for (const [at, panel] of board.panels.entries()) {
    const { w, h } = sizeOf(panel, board)
    builder.withPanel(
      panelOf(panel)
        .id(at + 1)
        .height(h)
        .span(w),
    )
  }
  return `${JSON.stringify(builder.build(), null, 2)}\n`
}

const choiceOf = (name: string, label: string, query: string) =>
  new QueryVariableBuilder(name)
    .label(label)
    .datasource(source)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: ['All'], value: ['$__all'] })

function panelOf(panel: Panel): StatBuilder | TimeseriesBuilder {
  if (panel.kind !== undefined) return numberOf(panel)
  // Duration histograms have exemplars: a point leads to its trace.
  const targets = panel.queries.map((query, at) =>
    targetOf(query, at).range().exemplar(query.expr.includes('_seconds_bucket')),
  )
  return described(new TimeseriesBuilder(), panel)
    .min(0)
    .fillOpacity(10)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .calcs(['lastNotNull', 'max'])
        .sortBy('Max')
        .sortDesc(true),
    )
    .targets(targets)
}

/** Without thresholds Grafana makes every number from 80 on red. Only the value of now: the last of a range may be an hour old. */
function numberOf(panel: Panel): StatBuilder {
  const steps = colorsOf(panel).map(({ from, color }) => ({ value: from, color }))
  const builder = described(new StatBuilder(), panel)
    .graphMode(BigValueGraphMode.None)
    .textMode(panel.kind === 'names' ? BigValueTextMode.ValueAndName : BigValueTextMode.Auto)
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps))
    .targets(panel.queries.map((query, at) => targetOf(query, at).instant()))
  return panel.unit === 'short' ? builder.decimals(0) : builder
}

const described = <B extends StatBuilder | TimeseriesBuilder>(builder: B, { title, about, unit }: Panel): B => {
  builder.title(title).description(about).unit(unit).datasource(source)
  return builder
}

function targetOf({ expr, legend }: Query, index: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .refId(String.fromCharCode('A'.charCodeAt(0) + index))
    .datasource(source)
    .expr(expr)
    .legendFormat(legend)
}

/** The expression without Grafana's variables, for a Prometheus that is asked directly. */
export const expressionOf = (expr: string): string =>
  expr.replaceAll('$job', '.+').replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m')
