// Sounds, made here: no file is fetched for them. A browser lets a page sound once somebody has used it.
const BELLS = 3, BETWEEN_S = 0.25;
let sounds = null;

export function tone(hertz, at_s = 0, lasts_s = 0.09, loud = 0.2) {
  sounds ??= new AudioContext();
  if (sounds.state === "suspended") sounds.resume();
  const start = sounds.currentTime + at_s;
  const wave = new OscillatorNode(sounds, { frequency: hertz, type: "triangle" });
  const gain = new GainNode(sounds, { gain: loud });
  gain.gain.setValueAtTime(loud, start);
  gain.gain.exponentialRampToValueAtTime(0.001, start + lasts_s);
  wave.connect(gain).connect(sounds.destination);
  wave.start(start);
  wave.stop(start + lasts_s);
}

export function ring() {
  for (let bell = 0; bell < BELLS; bell += 1) tone(1320, bell * BETWEEN_S, 0.5, 0.4);
}
