import type { Language } from '../../config/config.ts';

/** What the words of a language say about the end of a turn. All lower case, matched against words without punctuation. */
export interface TurnWords {
  /** Answers that are whole by themselves: «sí», «no, gracias». */
  answers: RegExp;
  /** Said before what one came to say. */
  greeting: RegExp;
  /** Words that nobody ends a turn with: conjunctions, prepositions, articles, and what people say while they think. */
  openEndings: ReadonlySet<string>;
  /** Those of them that may end a question: «¿Quién es?», “Who is it for?”. */
  endOfQuestion: ReadonlySet<string>;
  /** Ends that hang in the air: «o sea», verbs that want an object, «mi número es». */
  openPhrases: RegExp;
  /** A sentence that begins so and holds nothing else than this clause has its main part still to come. */
  subordinate: RegExp;
  /** A question by its question word, with or without its marks. */
  question: RegExp;
  /** Verbs that begin questions, and statements as well: «tiene», «hay», “do”, “is”. */
  questionVerb: RegExp;
  /** A question word with nothing but a noun behind it: «¿Qué funciones…». */
  bareQuestion: RegExp;
  /** Complete at times, at times not: something is named that has an «of what», or asked by two words. */
  halfNamed: RegExp;
  /** Tells that figures or letters follow. */
  dictated: RegExp;
  digits: ReadonlySet<string>;
  /** Words for numbers of two figures and more, and what joins them. */
  numbers: ReadonlySet<string>;
  /** One letter that is a word, and so not one that is being spelled. */
  letterWords: ReadonlySet<string>;
  /** An address of e-mail under way. */
  email: RegExp;
  /** An address of e-mail that has its end. */
  wholeEmail: RegExp;
}

const set = (words: string): ReadonlySet<string> => new Set(words.split(/\s+/));
const SPANISH: TurnWords = {
  answers:
    /^(sí|si|no|ya|vale|claro|claro que (sí|no)|ok|okay|okey|bueno|bien|muy bien|perfecto|genial|exacto|correcto|eso es|así es|de acuerdo|por supuesto|gracias|muchas gracias|nada|nada más|eso es todo|es todo|adiós|hasta luego|hasta mañana|chao|listo|por favor|ninguno|ninguna|ambos|los dos|las dos|el primero|la primera|el segundo|la segunda|el último|la última|no sé|no lo sé|creo que (sí|no)|entendido|cancelar|continuar|para|basta)( (sí|no|vale|claro|gracias|muchas gracias|por favor|señor|señora|señorita|hasta luego|adiós|eso es todo|nada más|correcto|exacto|perfecto|listo|de acuerdo|el primero|la primera|el segundo|la segunda|el último|la última))*$/,
  greeting:
    /^(hola|buenas|buenos días|buenas tardes|buenas noches|oye|oiga|perdona|perdone|disculpa|disculpe|mira|mire)( (hola|buenas|buenos días|buenas tardes|buenas noches|qué tal|cómo estás|mira|mire|charla))*$/,
  openEndings: set(
    `a al ante bajo cada con contra cuyo de del desde durante e el en entre es está están estoy hacia hasta la las lo
     los me mi mis muy ni nuestra nuestro o para pero por porque pues que se según ser si sin sino sobre son su sus tan
     te también tu tus u un una unas unos y ya eh em este mmm digo entonces además aunque como cuando donde mientras
     algún alguna ningún ninguna otro otra ese esa aquel aquella tengo tiene quiero necesito`,
  ),
  endOfQuestion: set('es está están son tiene tengo ya entonces para a de con'),
  openPhrases: new RegExp(
    `(^| )(${[
      'o sea|es decir|por ejemplo|a ver|es que|lo que pasa|lo que pasa es|el problema es|la cosa es|déjame (ver|pensar|mirar)|un (momento|segundo)|espera|espere',
      'me gustaría( (saber|preguntar|consultar|cambiar|cancelar|hablar|comprar|pedir|hacer|ver|tener|reservar|devolver))?',
      '(?<!se )(quiero|quería|quisiera|querría|necesito|necesitaba|puedo|puede|puedes|podría|podrías|podemos|tengo que|hay que|voy a|vamos a|deseo|desearía|intento|trato de) (saber|preguntar|preguntarte|preguntarle|consultar|decir|decirte|cambiar|cancelar|comprar|pedir|hacer|ver|mirar|hablar|añadir|agregar|quitar|poner|devolver|reservar|tener|dar|confirmar|modificar|enviar|mandar|encontrar|usar)',
      '(me )?(puedes|puede|podrías|podría|pueden) (decir|explicar|contar|dar|mandar|enviar|mostrar|enseñar|confirmar|buscar|ayudar a)',
      '(me )?(puedes|puede|podrías|podría|pueden) (decirme|explicarme|contarme|darme|mandarme|enviarme|mostrarme|enseñarme|confirmarme|buscarme)',
      'quería|quisiera|querría|necesitaba|desearía|estoy (buscando|intentando|tratando|llamando)|estaba (buscando|intentando|mirando)|he (intentado|comprado|hecho|visto|pedido|recibido|estado|tenido)|me (han|has|ha) (dicho|dado|enviado|mandado|cobrado)',
      'dime|dígame|dimes|cuéntame|explícame|mándame|envíame|búscame|ponme|dame|añade|agrega|quita|quiero que|necesito que',
      '(mi|el|la|su) (nombre|número|teléfono|móvil|correo|email|dirección|código|contraseña|usuario|tarjeta|ticket|pedido|cuenta|referencia|factura)( de (teléfono|cuenta|pedido|móvil|tarjeta|cliente|referencia|serie))?( número| nuevo| nueva)? es( el| la)?',
      '(número|número de|calle|avenida|plaza|arroba|punto|guion|guión|guion bajo|guión bajo|barra|me llamo|se llama|se llaman|vivo en|soy)',
    ].join('|')})$`,
    'u',
  ),
  subordinate:
    /^(y |pero |bueno |pues |es que )*(cuando|si|como|aunque|mientras|desde que|cada vez que|después de que|antes de que|lo que|al) \p{L}+/u,
  question:
    /^(y |pero |entonces |oye |hola |perdona |disculpa )*(a |con |de |desde |en |hasta |para |por )?(qué|cuál|cuáles|cuánto|cuánta|cuántos|cuántas|quién|quiénes|cómo|dónde|cuándo)( |$)/u,
  questionVerb:
    /^(y |pero |entonces |oye |hola |perdona |disculpa )*(me |te |se |lo |la )?(puedes|puede|podrías|podría|tienes|tiene|tienen|hay|es posible|sabes|sabe)( |$)/u,
  bareQuestion: /^(y )?(en |de |con |a |para )?(qué|cuáles|cuántos|cuántas|cuánta) \p{L}+(s|ón|or)$/u,
  halfNamed:
    /(^| )((el|la|los|las|un|una) (estado|precio|coste|fecha|hora|número|nombre|dirección|lista|total|resto|parte|tipo|versión|motivo|importe)|cuánto cuestan?|cuánto vale|cuánto valen|contraseña nueva|buen día)$|^(y )?(qué|cuál|cuáles|cuánto|cuánta|cuántos|cuántas)( \p{L}{3,})?$/u,
  dictated:
    /(^| )(número|teléfono|móvil|tarjeta|código|cuenta|ticket|pedido|factura|referencia|dni|nif|pin|postal|correo|email|usuario|matrícula)( |$)/u,
  digits: set('cero uno dos tres cuatro cinco seis siete ocho nueve'),
  numbers: set(
    `diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés
     veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve treinta cuarenta cincuenta sesenta setenta
     ochenta noventa cien ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos
     novecientos mil y`,
  ),
  letterWords: set('a e o u y'),
  email: /@|(^| )arroba( |$)/u,
  wholeEmail: /([.@]\S*\.?|punto )(com|es|org|net|mx|ar|co|cl|pe|eu|edu|info|io)$/u,
};

const ENGLISH: TurnWords = {
  answers:
    /^(yes|yeah|yep|yup|no|nope|nah|sure|ok|okay|alright|all right|fine|great|perfect|exactly|correct|right|that's right|that is right|that's it|that is it|that's all|that is all|of course|absolutely|thanks|thank you|thank you very much|thanks a lot|nothing|nothing else|bye|goodbye|bye bye|see you|please|neither|both|none|the first one|the second one|the last one|the first|the second|the last|i don't know|i think so|i don't think so|got it|cancel|continue|stop|done)( (yes|no|sure|okay|thanks|thank you|please|sir|ma'am|bye|goodbye|that's all|that is all|that's it|correct|right|perfect|great|the first one|the second one|the last one|very much))*$/,
  greeting:
    /^(hello|hi|hey|good morning|good afternoon|good evening|excuse me|sorry|listen|look)( (hello|hi|there|good morning|good afternoon|good evening|how are you|charla))*$/,
  openEndings: set(
    `a about after an and any are as at be because been before being but by during each every for from had has have if in
     into is its like my no-one nor of on onto or our over per since so some than that the their then these this those
     through to under until was we were when where whereas whether which while who whose with within without your um uh
     er hmm well also i i'm i've he she they it's want need would could can should will won't don't didn't another other`,
  ),
  endOfQuestion: set(
    'is are was were about for from in on with to of at have has had do does he she they like then this that these those been can',
  ),
  openPhrases: new RegExp(
    `(^| )(${[
      'i mean|you know|for example|let me (see|think|check)|hold on|one (moment|second)|a (moment|second)|wait|what happens|the thing|the problem|the issue',
      "i (want|need|wanted|needed|have|had|tried|would like|wish|hope|am trying|was trying)( to( (know|ask|say|change|cancel|buy|order|make|see|check|find|talk|speak|add|remove|get|return|book|have|confirm|send|use|tell you))?)?|i'd (like|love)( to( (know|ask|say|change|cancel|buy|order|make|see|check|find|talk|speak|add|remove|get|return|book|have))?)?|i'm (trying|going|looking|calling|having)( to| for)?",
      '(can|could|would|will) (you|i|we)( please)?( (tell|tell me|explain|explain to me|give|give me|send|send me|show|show me|find|check|help me to|say|confirm|add|remove|change|cancel|put|get|have|make|buy))?',
      "i (am|was) (looking|calling|trying)( for| about| to)?|i (bought|ordered|received|got|saw|made|sent)|i've (bought|ordered|received|got|seen|made|sent|tried|been)|they (told|sent|gave|charged)( me)?",
      '(how much|what|which) (is|are)',
      'tell me|give me|send me|show me|explain|add|remove|put|find me',
      "(my|the) (name|number|phone|email|address|code|password|username|card|ticket|order|account|reference|invoice|phone number|order number|account number|card number|ticket number|tracking number|reference number)( number)? (is|'s)",
      '((ticket|order|account|phone|card|tracking|reference|invoice|serial) number|number|street|avenue|dot|dash|underscore|slash|my name is|i live in|called|named)',
    ].join('|')})$`,
    'u',
  ),
  subordinate:
    /^(and |but |well |so )*(when|if|although|though|while|whenever|since|because|after|before|as soon as|every time|what (i|we)|each time) \S+/u,
  question: /^(and |but |so |hey |hello |hi |well |sorry )*(what|which|how|who|whose|where|when|why) \S+/u,
  questionVerb:
    /^(and |but |so |hey |hello |hi |well |sorry )*(can|could|would|will|do|does|did|is|are|was|were|have|has|should|may) \S+/u,
  bareQuestion: /^(and )?(in |for |with |of )?(what|which|whose|how many) \p{L}+s$/u,
  halfNamed:
    /(^| )((the|a) (status|price|cost|date|time|number|name|address|list|total|rest|kind|type|version|reason|amount)|how much is (it|that)|new password)$|^(and )?(what|which|whose|how many|how much)( \p{L}{3,})?$/u,
  dictated:
    /(^| )(number|phone|telephone|card|code|account|ticket|order|invoice|reference|id|pin|zip|postal|email|username|plate|extension)( |$)/u,
  digits: set('zero oh one two three four five six seven eight nine'),
  numbers: set(
    `ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty
     seventy eighty ninety hundred thousand double triple and`,
  ),
  letterWords: set('a i'),
  email: /@|(^| )(e-?mail|mail|address) .*\bat\b/u,
  wholeEmail: /([.@]\S*\.?|dot )(com|org|net|uk|us|ca|au|eu|edu|info|io|gov)$/u,
};

export const TURN_WORDS: Readonly<Record<Language, TurnWords>> = { es: SPANISH, en: ENGLISH };
