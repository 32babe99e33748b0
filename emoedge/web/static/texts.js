// What the pages say, in both languages; machine-readable values never change.

const ES = {
  now: "Ahora", recordings: "Grabaciones", settings: "Ajustes", skip: "Ir al contenido", logout: "Salir", nav: "Páginas",
  anger: "enfado", disgust: "asco", fear: "miedo", happiness: "alegría", sadness: "tristeza", surprise: "sorpresa", neutral: "neutro",
  face: "Cara", voice: "Voz", text: "Palabras", fused: "Conjunto",
  loginTitle: "Entrar en {device}", loginHint: "Abra la dirección que muestra «emoedge web key» en el aparato, o escriba la clave o la contraseña.",
  secret: "Clave o contraseña", enter: "Entrar",
  privacyOn: "Privacidad activada: la cámara y el micrófono están cerrados.", privacyUntil: "Privacidad activada hasta las {time}: la cámara y el micrófono están cerrados.",
  privacyTurnOn: "Activar privacidad", privacyTurnOff: "Desactivar privacidad", privacy: "Privacidad",
  stopped: "El servicio emoedge no está en marcha. Ejecute en el aparato: sudo systemctl start emoedge",
  refused: "El servicio emoedge rechaza la consola. Ejecute en el aparato: sudo systemctl restart emoedge emoedge-web",
  offline: "Sin conexión con el aparato; se reintenta.",
  watched: "Alguien está viendo la imagen en directo.", watchedUntil: "Se está viendo la imagen en directo, hasta las {time}.",
  emotion: "Emoción", sureness: "{percent} de seguridad", doubt: "entre {names}", decidedBy: "decidió la voz de las palabras",
  nobody: "nadie", unsure: "sin opinión", no_opinion: "sin opinión", covered: "sin opinión", turned: "sin opinión", still: "sin opinión",
  privacyReason: "privado", offlineReason: "sin datos", waiting: "esperando",
  why_nobody: "no hay nadie a la vista ni habla nadie", why_unsure: "ninguna emoción es lo bastante segura", why_covered: "la cara está tapada",
  why_turned: "la cara está girada", why_still: "lo que se ve no se mueve: parece una foto", why_no_opinion: "ni la cara ni la voz bastan",
  probabilities: "Probabilidades", lastMinutes: "Últimos cinco minutos", curvesLabel: "Probabilidades de los últimos cinco minutos", speechLabel: "Cuándo se habla",
  level: "Sonido", speaking: "habla alguien", silence: "nadie habla", words: "Palabras",
  people: "Quién está", person: "Persona {id}", primary: "atendida", noPeople: "No hay nadie a la vista.", voiceOf: "La voz es de la persona {id}.", voiceUnseen: "La voz es de alguien que no se ve.",
  health: "Estado", healthOk: "Todo funciona.", ok: "bien", degraded: "con problemas", failed: "falla", off: "apagado",
  controls: "Mandos", weight: "Peso de la cara", margin: "Margen de duda", record: "Grabar", recordStop: "Parar la grabación ({clock})", snapshot: "Hacer una foto", snapshotDone: "Foto guardada en el aparato.",
  mode: "Cuándo se graba", mode_off: "nunca", mode_manual: "a mano", mode_events: "en los episodios", mode_continuous: "siempre",
  picture: "Imagen", pictureAsk: "Ver la imagen durante {seconds} s", pictureStop: "Dejar de ver", pictureNot: "La imagen solo se ve cuando alguien la pide, y se anuncia a los demás. Nunca se guarda.",
  pictureOff: "La imagen en directo está desactivada en la configuración.", picturePrivacy: "Sin imagen: la privacidad está activada.", pictureView: "La clave de consulta no deja ver la imagen.", crop: "Lo que ve la red",
  from: "Desde", to: "Hasta", emotionFilter: "Emoción", any: "cualquiera", apply: "Filtrar", more: "Ver más", none: "No hay grabaciones.",
  keep: "Conservar", kept: "Conservada", remove: "Borrar", undo: "Deshacer", removed: "Grabación borrada.", restored: "La grabación ha vuelto.", play: "Reproducir", close: "Cerrar", download: "Descargar vídeo", report: "Informe", csv: "Tabla CSV",
  length: "{duration} · {size}", peak: "más segura: {emotion}, {percent} en {at}", noEmotion: "sin emoción", episodes: "Episodios", tooLate: "Ya no se puede deshacer.",
  failedGeneric: "No se pudo: {reason}",
  settingsHint: "Lo que se guarda aquí queda en conf.d/50-console.toml, por encima de su archivo, que no se toca.",
  general: "General", save: "Guardar", saved: "Guardado.", restart: "Reiniciar el servicio", restarting: "El servicio se reinicia.", support: "Archivo de soporte",
  secretSet: "guardado; no se muestra", tryIt: "Probar", trying: "probando…",
  source_file: "del archivo", source_console: "de la consola", source_environment: "del entorno: no se puede cambiar aquí", source_credential: "de una credencial: no se puede cambiar aquí", source_control: "de un mando, por encima de lo guardado", clearControl: "Volver a lo guardado", setupAgain: "Primeros pasos", placementHelp: "Ayuda para colocarlo", fetchModel: "Descargar el modelo", toSettings: "Ver sus ajustes", modelFetching: "Descargando {name}: {percent}", modelInstalled: "{name} está instalado. Al reiniciar se usa.",
  part_camera: "cámara", part_microphone: "micrófono", part_face: "cara", part_voice: "voz", part_text: "palabras", part_activity: "actividad de voz", part_broker: "bróker", part_spool: "cola", part_recording: "grabación", part_history: "historial",
  part_governor: "carga", part_decisions: "decisiones", part_machine: "máquina", part_log: "registro", part_control: "mandos", part_metrics: "métricas", part_gpio: "botón y luz", part_socket: "socket",
  wrongHere: "Esto no fue así", wasInstead: "Fue", labelled: "Anotado. Se guarda en el aparato.",
  newsTitle: "Novedades de {version} (antes {before})", newsMore: "{count} más", newsSeen: "Entendido",
  error: "error",
  history: "Historial", dayOf: "Día", span: "Mostrar", aDay: "un día", aWeek: "una semana", partOfDay: "Parte del día",
  part_all: "todo el día", part_night: "madrugada (0–6)", part_morning: "mañana (6–12)", part_afternoon: "tarde (12–18)", part_evening: "noche (18–24)",
  previousDay: "‹ Día anterior", nextDay: "Día siguiente ›", previousWeek: "‹ Semana anterior", nextWeek: "Semana siguiente ›",
  nothingOfDay: "De este día no se sabe nada: el aparato no funcionaba, o ya se ha borrado (se guardan {days} días).", nothingOfWeek: "De esta semana no se sabe nada: el aparato no funcionaba, o ya se ha borrado (se guardan {days} días).",
  notYet: "Este día todavía no ha llegado.", historyOff: "El historial está desactivado. Para guardarlo, ponga history.enabled = true en los ajustes.",
  noSuchEpisode: "Ningún episodio de esta emoción.", recordingsOfDay: "Grabaciones de este día ({count})",
  wrongPart: "Lo que no fue así", wholeRecording: "toda la grabación", note: "Nota (si quiere)", noneOfThem: "ninguna de ellas", saidWrong: "Corregido, {span}: fue {emotion}",
  about: "Acerca de", version: "Versión", licence: "Licencia", licences: "El programa tiene la licencia {licence}; cada modelo, la suya.", leaves: "Lo que sale de este aparato", leavesNow: "Sí:", leavesNot: "No:",
  leaves_results: "emociones, probabilidades, dónde están las caras, nivel de sonido y estado, por MQTT al bróker", leaves_mqtt_words: "las palabras, por MQTT", leaves_mqtt_pictures: "imágenes de los episodios, por MQTT",
  leaves_console: "lo que muestra esta consola, también las grabaciones, a quien tiene la clave", leaves_console_picture: "la imagen en directo, a quien tiene la clave y la pide", leaves_console_words: "las palabras, a quien tiene la clave", leaves_camera: "la cámara está en la red: la imagen viene de allí",
  nothingElse: "Nada más: ni telemetría, ni búsqueda de actualizaciones, ni nube. Un modelo solo se descarga cuando alguien lo pide.", models: "Modelos", figuresNote: "Las cifras principales de sus fichas; 1 sería acertar siempre.", card: "ficha del modelo (en inglés)",
  figure_accuracy: "aciertos", figure_recall: "acierto medio de las emociones", figure_f1: "F1 medio", of_alone: "14 voces españolas desconocidas, una frase sola", of_session: "las mismas, en una sesión", of_rule: "los tres a la vez, con la regla", of_learned: "los tres a la vez, fusión aprendida",
  help: "Ayuda", supportHint: "Un archivo con versión, ajustes sin secretos, comprobaciones y registro; sin nombres, palabras, imágenes ni direcciones. Mírelo antes de enviarlo.", documents: "Documentación en este aparato", noDocuments: "La documentación no está instalada en este aparato; está en la carpeta docs del programa, para la que hace falta Internet.", offlineHelp: "Sin Internet, en el aparato: emoedge --help y man emoedge.",
};

const EN = {
  now: "Now", recordings: "Recordings", settings: "Settings", skip: "Skip to the content", logout: "Log out", nav: "Pages",
  anger: "anger", disgust: "disgust", fear: "fear", happiness: "happiness", sadness: "sadness", surprise: "surprise", neutral: "neutral",
  face: "Face", voice: "Voice", text: "Words", fused: "Together",
  loginTitle: "Log in to {device}", loginHint: "Open the address that “emoedge web key” prints on the device, or type the key or the password.",
  secret: "Key or password", enter: "Log in",
  privacyOn: "Privacy is on: camera and microphone are closed.", privacyUntil: "Privacy is on until {time}: camera and microphone are closed.",
  privacyTurnOn: "Switch privacy on", privacyTurnOff: "Switch privacy off", privacy: "Privacy",
  stopped: "The emoedge service is not running. On the device, run: sudo systemctl start emoedge",
  refused: "The emoedge service refuses the console. On the device, run: sudo systemctl restart emoedge emoedge-web",
  offline: "No connection to the device; trying again.",
  watched: "Somebody is watching the live picture.", watchedUntil: "The live picture is being watched, until {time}.",
  emotion: "Emotion", sureness: "{percent} sure", doubt: "between {names}", decidedBy: "settled by the words",
  nobody: "nobody", unsure: "no opinion", no_opinion: "no opinion", covered: "no opinion", turned: "no opinion", still: "no opinion",
  privacyReason: "private", offlineReason: "no data", waiting: "waiting",
  why_nobody: "nobody is in view and nobody speaks", why_unsure: "no emotion is sure enough", why_covered: "the face is covered",
  why_turned: "the face is turned", why_still: "what is seen does not move: it seems to be a photograph", why_no_opinion: "neither face nor voice is enough",
  probabilities: "Probabilities", lastMinutes: "Last five minutes", curvesLabel: "Probabilities of the last five minutes", speechLabel: "When somebody speaks",
  level: "Sound", speaking: "somebody speaks", silence: "nobody speaks", words: "Words",
  people: "Who is there", person: "Person {id}", primary: "listened to", noPeople: "Nobody is in view.", voiceOf: "The voice is that of person {id}.", voiceUnseen: "The voice is that of somebody who is not seen.",
  health: "Health", healthOk: "Everything works.", ok: "ok", degraded: "degraded", failed: "failed", off: "off",
  controls: "Controls", weight: "Weight of the face", margin: "Margin of doubt", record: "Record", recordStop: "Stop recording ({clock})", snapshot: "Take a picture", snapshotDone: "The picture is kept on the device.",
  mode: "When to record", mode_off: "never", mode_manual: "by hand", mode_events: "during episodes", mode_continuous: "always",
  picture: "Picture", pictureAsk: "Show the picture for {seconds} s", pictureStop: "Stop watching", pictureNot: "The picture is shown only when somebody asks for it, and the others are told. It is never kept.",
  pictureOff: "The live picture is switched off in the configuration.", picturePrivacy: "No picture: privacy is on.", pictureView: "The view key does not show the picture.", crop: "What the network sees",
  from: "From", to: "To", emotionFilter: "Emotion", any: "any", apply: "Filter", more: "Show more", none: "There are no recordings.",
  keep: "Keep", kept: "Kept", remove: "Delete", undo: "Undo", removed: "Recording deleted.", restored: "The recording is back.", play: "Play", close: "Close", download: "Download video", report: "Report", csv: "CSV table",
  length: "{duration} · {size}", peak: "surest: {emotion}, {percent} at {at}", noEmotion: "no emotion", episodes: "Episodes", tooLate: "It is too late to undo that.",
  failedGeneric: "It could not be done: {reason}",
  settingsHint: "What is saved here is written to conf.d/50-console.toml, over your own file, which is not touched.",
  general: "General", save: "Save", saved: "Saved.", restart: "Restart the service", restarting: "The service restarts.", support: "Support archive",
  secretSet: "kept; not shown", tryIt: "Try it", trying: "trying…",
  source_file: "from the file", source_console: "from the console", source_environment: "from the environment: cannot be changed here", source_credential: "from a credential: cannot be changed here", source_control: "from a control, over what is saved", clearControl: "Back to what is saved", setupAgain: "First steps", placementHelp: "Help with the placement", fetchModel: "Download the model", toSettings: "See its settings", modelFetching: "Downloading {name}: {percent}", modelInstalled: "{name} is installed. It is used after a restart.",
  part_camera: "camera", part_microphone: "microphone", part_face: "face", part_voice: "voice", part_text: "words", part_activity: "speech activity", part_broker: "broker", part_spool: "queue", part_recording: "recording", part_history: "history",
  part_governor: "load", part_decisions: "decisions", part_machine: "machine", part_log: "log", part_control: "controls", part_metrics: "metrics", part_gpio: "button and light", part_socket: "socket",
  wrongHere: "This was wrong", wasInstead: "It was", labelled: "Noted. It is kept on the device.",
  newsTitle: "New in {version} (before: {before})", newsMore: "{count} more", newsSeen: "Got it",
  error: "error",
  history: "History", dayOf: "Day", span: "Show", aDay: "a day", aWeek: "a week", partOfDay: "Part of the day",
  part_all: "the whole day", part_night: "night (0–6)", part_morning: "morning (6–12)", part_afternoon: "afternoon (12–18)", part_evening: "evening (18–24)",
  previousDay: "‹ Previous day", nextDay: "Next day ›", previousWeek: "‹ Previous week", nextWeek: "Next week ›",
  nothingOfDay: "Nothing is known about this day: the device was not running, or it has been deleted ({days} days are kept).", nothingOfWeek: "Nothing is known about this week: the device was not running, or it has been deleted ({days} days are kept).",
  notYet: "This day has not come yet.", historyOff: "History is switched off. To keep it, set history.enabled = true in the settings.",
  noSuchEpisode: "No episode of this emotion.", recordingsOfDay: "Recordings of this day ({count})",
  wrongPart: "What was wrong", wholeRecording: "the whole recording", note: "Note (optional)", noneOfThem: "none of them", saidWrong: "Corrected, {span}: it was {emotion}",
  about: "About", version: "Version", licence: "Licence", licences: "The program is under the {licence} licence; each model has its own.", leaves: "What leaves this device", leavesNow: "Yes:", leavesNot: "No:",
  leaves_results: "emotions, probabilities, where faces are, the sound level and health, over MQTT to the broker", leaves_mqtt_words: "words, over MQTT", leaves_mqtt_pictures: "pictures of episodes, over MQTT",
  leaves_console: "what this console shows, recordings included, to whoever has the key", leaves_console_picture: "the live picture, to whoever has the key and asks for it", leaves_console_words: "words, to whoever has the key", leaves_camera: "the camera is on the network: the picture comes from there",
  nothingElse: "Nothing else: no telemetry, no search for updates, no cloud. A model is downloaded only when somebody asks for it.", models: "Models", figuresNote: "The main figures of their cards; 1 would be always right.", card: "model card",
  figure_accuracy: "accuracy", figure_recall: "mean recall of the emotions", figure_f1: "mean F1", of_alone: "14 unknown Spanish voices, one sentence alone", of_session: "the same, in a session", of_rule: "all three at once, by the rule", of_learned: "all three at once, learned fusion",
  help: "Help", supportHint: "An archive with version, settings without secrets, checks and log; without names, words, pictures and addresses. Look into it before you send it.", documents: "Documentation on this device", noDocuments: "The documentation is not installed on this device; it is in the program's folder docs, for which the Internet is needed.", offlineHelp: "Without the Internet, on the device: emoedge --help and man emoedge.",
};

let words = ES;
let language = "es";

/** Add what one page says beside all others: {es: {name: text}, en: {name: text}}. */
export function addTexts({ es, en }) {
  Object.assign(ES, es);
  Object.assign(EN, en);
}

/** Choose the language: the one given, else the browser's first of Spanish and English, else the device's. */
export function chooseLanguage(fallback, given = null) {
  const wanted = given ?? navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag === "es" || tag === "en");
  language = wanted ?? fallback ?? "es";
  words = language === "en" ? EN : ES;
  document.documentElement.lang = language;
}

export const currentLanguage = () => language;

/** A text with its names in braces filled in. */
export function say(name, values = {}) {
  return (words[name] ?? name).replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

/** The name of a part of the health. */
export const partName = (name) => words[`part_${name}`] ?? name;

/** Names of the emotions, by label. */
export const emotionNames = () => words;

/** Fill in every element with data-say (text) and data-say-label (aria-label). */
export function fillIn(root = document) {
  for (const element of root.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  for (const element of root.querySelectorAll("[data-say-label]")) element.setAttribute("aria-label", say(element.dataset.sayLabel));
}
