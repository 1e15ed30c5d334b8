// Runs in the page: the highest level, 0 to 1, of any sound that plays within 10 s; ends at the first audible one.
(async () => {
  const context = new AudioContext();
  const analysers = [...document.querySelectorAll('audio')]
    .map((element) => element.srcObject)
    .filter((stream) => stream instanceof MediaStream)
    .map((stream) => {
      const analyser = context.createAnalyser();
      context.createMediaStreamSource(stream).connect(analyser);
      return analyser;
    });
  let loudest = 0;
  const until = performance.now() + 10_000;
  while (performance.now() < until && loudest <= 0.01) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const analyser of analysers) {
      const samples = new Float32Array(analyser.fftSize);
      analyser.getFloatTimeDomainData(samples);
      loudest = Math.max(loudest, ...samples.map(Math.abs));
    }
  }
  return loudest;
})();
