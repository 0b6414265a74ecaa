// What the report takes of Apache ECharts, and nothing else. README.md beside this file says how the bundle is made.
export { init } from "echarts/core";
import { use } from "echarts/core";
import { CustomChart, LineChart, ScatterChart } from "echarts/charts";
import {
  DataZoomInsideComponent, DataZoomSliderComponent, GridSimpleComponent, MarkLineComponent, TooltipComponent,
} from "echarts/components";
import { CanvasRenderer, SVGRenderer } from "echarts/renderers";
use([
  CustomChart, LineChart, ScatterChart, DataZoomInsideComponent, DataZoomSliderComponent, GridSimpleComponent,
  MarkLineComponent, TooltipComponent, CanvasRenderer, SVGRenderer,
]);
