"use strict";
(() => {
  let plotly = null;
  const load = async () => {
    const packed = document.getElementById("plotly-gz").textContent.trim();
    const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    return window.Plotly;
  };
  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--ink").trim(), grid = style.getPropertyValue("--grid").trim();
    return { "font.color": ink, "xaxis.gridcolor": grid, "yaxis.gridcolor": grid, "xaxis.zerolinecolor": grid };
  };
  const draw = async (place) => {
    if (place.dataset.drawn) return;
    place.dataset.drawn = "1";
    place.textContent = "Drawing ...";
    try {
      plotly = plotly || load();
      const library = await plotly;
      const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent);
      place.textContent = "";
      await library.newPlot(place, figure.data, figure.layout, { responsive: true, displaylogo: false });
      await library.relayout(place, colours());
      place.dataset.done = "1";
    } catch (error) {
      place.textContent = "This browser cannot draw it: " + error.message;
    }
  };
  for (const details of document.querySelectorAll("details.zoom"))
    details.addEventListener("toggle", () => details.open && draw(details.querySelector(".plot")));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", async () => {
    for (const place of document.querySelectorAll(".plot[data-done]")) (await plotly).relayout(place, colours());
  });
})();
