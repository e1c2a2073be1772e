"""Words to draw: small lexicons in three scripts and invented words without end."""

from __future__ import annotations

import numpy as np

ENGLISH = tuple(
    """
    able about above accept across action active address admit adult advice after again against agent agree air alarm
    album all alone along already also always among amount anchor angle animal answer any apple april area arm army
    around arrive art artist ask autumn away baby back bag baker ball bank bar base basket bath beach bear beauty bed
    before begin behind bell below bench best better between bicycle big bird birth black blood blue board boat body
    bone book border both bottle bottom box boy branch bread break breath bridge bright bring broken brother brown
    bucket build bus business busy butter button buy cabin cake call camera camp candle captain car card care carry
    castle cat catch cause centre chain chair chalk chance change cheap check cheese child choice church circle city
    class clean clear clever clock close cloud coach coast coat coffee coin cold colour common company complete copper
    copy corner cotton country courage course court cover credit cross crowd cup current curtain curve customer cycle
    daily dance danger dark date daughter day dead dear december decide deep delay desk detail diamond dinner direct
    dish distance doctor dog dollar door double doubt down dream dress drink drive drum dry during dust duty each ear
    early earth east easy edge effect egg eight electric empty end energy engine english enjoy enough entrance equal
    even evening event every exact example exit express eye face fact fair fall family famous farm fast father feather
    february feel fence field fifteen fight figure film final find finger fire first fish five flag flame flat floor
    flower fly follow food foot forest fork form forward four free fresh friday friend from front fruit full future
    game garage garden gate general gift girl give glass glove gold good grain grand grass great green grey ground group
    grow guide hall hammer hand happy harbour hard hat head health heart heavy help here high hill history hold holiday
    home honey hope horse hospital hotel hour house human hundred hungry ice idea image important inch income industry
    inside island january jewel job join journey judge juice july june just kettle key kind king kitchen knee knife
    knock know ladder lady lake lamp land language large last late laugh leaf learn leather left lemon lesson letter
    library light lime line lion list little live lock long look lost loud love lucky lunch machine magic mail main
    make manager map march market master match may meal measure medicine meet member metal middle milk mill minute
    mirror model modern monday money month moon morning mother motor mountain mouth move museum music nail name narrow
    nation nature near neck needle never new news next night nine noise north nose note november number nurse ocean
    october offer office oil old olive one only open orange order other outside oven over owner page paint palace paper
    parcel park part party passage past path peace pencil pepper perfect petrol phone photo piano picture pilot pipe
    place plain plane plant plate play pocket point police pool port position post potato pound power present price
    print prize public pull pump purple push quality quarter queen question quick quiet radio rail rain reading ready
    record red regular rent report rest restaurant rice right ring river road roof room root rose round royal rule
    sail salad salt sand saturday school science sea second secret seven shadow shape sharp sheep shelf shine ship shirt
    shoe shop short shoulder side sign silver simple sister six size skin sky sleep slow small smile smoke smooth snow
    soap soft soldier some song soon sound soup south space special spoon sport spring square stage stamp star start
    station steam steel step stone stop store storm story straight strange street strong student sugar summer sun sunday
    supply surprise sweet system table tailor take tall taste taxi tea teacher team ten test thank theatre thick thin
    thing third thread three thunder thursday ticket tiger time tomato tonight tool top total tower town trade train
    travel tree trip true tuesday twelve twenty two uncle under unit upper valley value velvet very video village
    violin visit voice wait walk wall warm wash watch water wave weather wednesday week welcome west wheel white wide
    wild wind window wine winter wire wise woman wood wool word work world write yard year yellow yesterday young zebra
    zero zone
    """.split()
)
GREEK = tuple(
    """
    αγορά αέρας αλάτι άλογο ανοιχτό απόγευμα αριθμός αρχή αστέρι αυτοκίνητο βιβλίο βουνό βράδυ βροχή γάλα γάτα γέφυρα
    γλώσσα γραφείο γυναίκα δάσος δέντρο δημοτικό δρόμος δωμάτιο είσοδος έξοδος εκκλησία ελιά εργασία ζάχαρη ζωή ήλιος
    ημέρα θάλασσα θέατρο ιστορία καιρός καλημέρα καρδιά καφές κέντρο κήπος κλειδί κόκκινο κόσμος λάδι λεμόνι λέξη
    λεωφορείο λιμάνι λουλούδι μάθημα μέλι μήνας μουσείο μουσική μπλε νερό νησί νύχτα ξενοδοχείο οδός οικογένεια ουρανός
    παιδί παράθυρο πατέρας πλατεία πλοίο ποτάμι πόλη πόρτα πράσινο πρωί ρολόι σπίτι στάση σταθμός σχολείο τιμή τραπέζι
    τρένο τυρί φαρμακείο φεγγάρι φίλος φωτιά χαρτί χειμώνας χορός χρόνος χωριό ψάρι ψωμί ώρα
    """.split()
)
CYRILLIC = tuple(
    """
    автобус аптека банк берег библиотека больница брат буква ветер вечер вода воздух вокзал врач время вход выход газета
    город гостиница дверь девочка день дерево деревня дождь дом дорога друг еда жизнь завод зелёный земля зима знак
    золото игра имя книга ключ комната кошка красный кухня лампа лес лето лодка лошадь магазин мальчик масло машина
    место месяц метро молоко море мост музей музыка небо неделя ночь окно остров отец парк письмо площадь поезд поле
    почта праздник птица работа река рынок рыба сад сахар свет север сестра снег собака соль стакан станция стол страна
    стул театр трава трамвай улица урок утро хлеб цветок цена час чай чёрный школа яблоко язык
    """.split()
)
LEXICONS = {"latin": ENGLISH, "greek": GREEK, "cyrillic": CYRILLIC}
_ONSETS = (
    "b c d f g h j k l m n p qu r s t v w x y z bl br ch cl cr dr fl fr gl gr pl pr sc sh sl sp st str th tr".split()
)
_CORES = "a e i o u ai ea ee ie oa oo ou".split()
_ENDS = (
    "",
    "",
    "",
    "b",
    "ck",
    "d",
    "g",
    "l",
    "ll",
    "m",
    "n",
    "nd",
    "ng",
    "nt",
    "p",
    "r",
    "rd",
    "rt",
    "s",
    "st",
    "t",
    "x",
)


def invented(numbers: np.ndarray) -> str:
    """A word that can be pronounced, of one to four syllables, from at least 13 random integers."""
    d = [int(v) for v in numbers]
    parts = (_ONSETS[d[3 * k + 1] % len(_ONSETS)] + _CORES[d[3 * k + 2] % len(_CORES)] for k in range(1 + d[0] % 4))
    word = "".join(
        part + (_ENDS[d[3 * k + 3] % len(_ENDS)] if d[3 * k + 3] % 2 else "") for k, part in enumerate(parts)
    )
    return word[:14]


def number(numbers: np.ndarray) -> str:
    """A house number, price or plate of one to eight signs, from at least 4 random integers."""
    a, b, c, d = (int(v) for v in numbers[:4])
    letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
    forms = (
        f"{a % 999 + 1}",
        f"{a % 90 + 10}.{b % 100:02d}",
        f"{letters[a % 23]}{letters[b % 23]}{c % 10_000:04d}",
        f"{c % 10_000:04d}",
    )
    return forms[d % 4]
