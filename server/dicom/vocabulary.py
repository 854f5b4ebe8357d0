"""The words that may stay in a description: what scanners and technologists call phases, planes, kernels,
organs, sequences and reconstructions, in several languages. Pure.

A description is cleaned by keeping the words known here and dropping the rest, so a name, a number
of a record or a date of birth that somebody typed into it does not leave. Words that are also common
names of people (Max, Lang, Klein, Hart, Rose) are left out on purpose.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

LONGEST_TEXT = 1024

# Of PS3.3's defined terms for the attributes that images, SEG, SR and presentation states have.
_TERMS = """
helical mode
original derived primary secondary axial localizer mixed other mpr mip mpvr minip average volume
resampled reformatted none filtered norm dis2d dis3d nd mosaic m p r i phase magnitude real
imaginary water fat in_phase opp_phase inphase outphase adc fa trace diffusion perfusion tof
subtraction add subtract multiply static dynamic gated whole body wholebody tomo recon recon_tomo
emission transmission image ct mr pt nm us xa rf cr dx mg sm seg sr ko pr reg ot doc es gm xc op
opt rtdose rtstruct rtplan rtimage sc ivus ecg hd io px pet xray hfs hfp hfdl hfdr ffs ffp ffdl
ffdr sitting head foot feet first supine prone decubitus monochrome1 monochrome2 monochrome rgb
palette color colour ybr full 422 420 partial ict rct argb f o y n yes no online nearline offline
unavailable 1d 2d 3d 4d tiled sparse se gr ir ep rm sk mtc ss trss sp mp osp pfp pff fs fsp sfs fc
gems gc helix spiral sequenced constant_angle stationary free isotope attn decy radl scat rad dtim
rand brst nonuniform bqml cnts gml cm2ml prop percent start admin ecat identity inverse linear
linear_exact sigmoid iso_2022 manual semiautomatic automatic binary fractional labelmap
probability occupancy container num code text uidref composite scoord scoord3d tcoord waveform
table contains properties inferred selected from has concept mod obs context acq separate
continuous complete unverified verified preliminary final dcmr point multipoint polyline polygon
circle ellipse ellipsoid interpolated filled pixel display frame item matrix segment segmentation
content measurement measurements annotation true false unmodified modified removed left right both
unpaired bilateral l u b closed_planar open_planar closedplanar_xor open_nonplanar organ external
ptv ctv gtv cavity support marker screen save yes_no sharp smooth isotropic anisotropic short
long_axis parallel perpendicular 3d_temporal spatial temporal uniform multi_frame flow_encoded
tagging unknown iso_10918_1 iso_14495_1 iso_15444_1 iso_15444_15 iso_18181_1
"""

_ENGLISH = """
mm cm ml kv sec s min i.v p.o p.v abdomen abdominal chest thorax thoracic pelvis pelvic neck skull
brain spine lung lungs heart cardiac liver hepatic hepatobiliary biliary bile duct ducts cbd mrcp
ercp gallbladder pancreas pancreatic spleen splenic kidney kidneys renal adrenal bowel colon
stomach gastric duodenum duodenal rectum rectal bladder prostate uterus ovary aorta aortic artery
arteries arterial vein veins venous vena cava ivc svc portal mesenteric sma smv celiac coeliac
peritoneum lymph node nodes tumor tumour lesion lesions metastasis metastases cyst hcc ccc crc
pdac remnant resection resectability flr segment segments lobe caudate vessel vessels upper lower
middle mid inner outer anterior posterior superior inferior lateral medial proximal distal central
peripheral common proper branch main bone bones soft tissue muscle vascular native nativ plain
unenhanced enhanced noncontrast contrast nonenhanced precontrast postcontrast pre post without
with w wo non early late delayed delay equilibrium excretory nephrographic corticomedullary
parenchymal parenchyma pancreaticparenchymal hepatocyte hepatobiliaryphase phases biphasic
triphasic multiphase multiphasic washout inflow bolus tracking monitoring timing test smartprep
surestart premonitoring topogram scout scanogram surview scanoscope survey localiser tracker
localizers coronal cor sagittal sag axial ax transverse transversal tra oblique obl cra crl
reformat recon reconstruction reconstructions thin thick slice slices slab slabs volume volumes
rendering rendered vrt vr mip minip standard std sharp smooth medium detail edge kernel filter
iterative ir fbp asir mbir safire admire idose veo aidr advanced dlir truefidelity deep learning
spectral dual energy de mono monoenergetic monoe vmi iodine map maps vnc virtual noncalcium zeff
rho electron density low high dose kvp mas ma hu te tr standardized window level wl wide narrow
field view fov matrix resolution hires hr uhr angiography angio cta mra ctap perfusion urography
urogram colonography enterography cystography arthrography runoff cap ncct cect liverkidney
thoraxabdomen abdpelv abdpel abd pel tho acute emergency routine protocol series study exam
examination follow followup baseline staging restaging screening preoperative postoperative preop
postop control comparison prior current breath hold breathhold bh inspiration expiration insp exp
free breathing respiratory gated gating triggered trigger navigator nav sense grappa adult supine
prone decubitus left right lt rt of the and for in on at to from by after before first second
third one two three four ct cat mri mr pet petct spect us scan scans imaging image images
"""

_SEQUENCES = """
t1 t2 t1w t2w t2* t2star pd pdw flair stir tirm dwi adc dti swi trace bval b0 b50 b400 b500 b800
b1000 epi se tse fse ffse frfse gre gradient echo spin turbo fast ssfse haste blade propeller
space cube vista vibe lava lavaflex thrive flash spgr fspgr fisp trufi truefisp fiesta bffe bssfp
ffe tfe tfl mprage spoiled dixon mdixon ideal quant fs fatsat fat sat sats spair spir water
opposed inphase opp ip op in out phase twist tricks dyn dyna dynamic caipi caipirinha radial star
starvibe medic mp2rage rare hyper resolve ute sub subtraction gd gadolinium gadoxetate gadoxetic
primovist eovist gadovist dotarem multihance omniscan iohexol omnipaque iopamidol ultravist
iomeron iopromide visipaque iodixanol xenetix accupaque imeron iv oral rectal intravenous peroral
fdg f18 fluorodeoxyglucose ga68 dotatate dotatoc psma tc99m osem psf tof osem2d osem3d fore ac nac
measured calculated model based singles randoms delayed event b-value 1h 2h 23na 31p 13c body flex
cardiac phased array headneck torso hounsfield units us unspecified od oho normal normals width
center centre abdomenwindow
"""

_GERMAN = """
abdomens leber pankreas bauchspeicheldruse galle gallenwege milz niere nieren nebenniere magen
darm blase becken bauch oberbauch unterbauch abdomen thorax hals kopf schadel wirbelsaule herz
lunge gefass gefasse arteriell arterielle portalvenos portalvenose portal venos venose nativ
native spat spate fruh fruhe phase parenchymphase spatphase fruharteriell spatarteriell pfortader
lebervene lebervenen aorta kontrastmittel km mit ohne nach vor axial koronar coronar sagittal
transversal schicht schichten dunn dicke dunnschicht weichteil weichteile knochen lungenfenster
kontrolle verlauf verlaufskontrolle routine untersuchung serie studie rechts links und ubersicht
dosis tumor metastase metastasen lebertumor leberresektion rekonstruktion atemanhalt einatmung
"""

_ROMANCE = """
foie hepatique pancreatique rate rein reins estomac vesicule biliaire biliaires voies abdominal
abdominopelvien thoracique bassin arteriel arterielle veineux veineuse portale porte tardif
tardive precoce parenchymateux sans avec injection contraste produit coupe coupes fine fines mou
mous os poumon temps phase coronale sagittale axiale axiales reconstruction apres avant gauche
droit droite et du de la le les des higado pancreas bazo rinon rinones estomago vesicula vias
biliares torax pelvis arterial venosa portal tardia tardio temprana precoz con sin simple fase
cortes corte finos hueso pulmon izquierdo derecho y del el los las en tras axial coronal sagital
reconstruccion suprarrenal abdomino fegato milza rene reni stomaco colecisti bilio biliari addome
addominale torace bacino arteriosa arterioso venoso tardiva tardivo senza mezzo contrasto diretta
basale strato sottile osso polmone sinistro destro assiale ricostruzione e il lo gli della dopo
prima figado baco rim rins abdome abdomen pelve sem com pulmao esquerdo direito reconstrucao
"""

_OTHERS = """
lever alvleesklier milt nier nieren maag galblaas buik bekken borst arterieel veneus portaal
blanco laat vroege fase met zonder contrast en na watroba trzustka sledziona nerka nerki zoladek
jama brzuszna miednica klatka piersiowa tetnicza zylna wrotna opozniona faza bez z kontrastem
natywna po karaciger dalak bobrek mide safra toraks arteriyel venoz gec faz kontrastli kontrastsiz
печень поджелудочная железа селезенка почки брюшная полость таз грудная клетка артериальная
венозная портальная нативная отсроченная фаза с без контрастом контраста
"""

_KERNELS = """
standard soft bone lung detail chest chst edge ultra boneplus lungplus fc01 fc02 fc03 fc04 fc05
fc07 fc08 fc09 fc10 fc11 fc12 fc13 fc14 fc15 fc17 fc18 fc19 fc21 fc23 fc24 fc26 fc30 fc35 fc41
fc42 fc43 fc50 fc51 fc52 fc53 fc54 fc55 fc56 fc58 fc62 fc64 fc65 fc68 fc80 fc81 fc82 fc83 fc84
fc85 fc86 fl01 fl02 fl03 fl04 ya yb yc yd ye ua ub uc
"""


def _folded(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


TERMS: Final = frozenset(_TERMS.split())
WORDS: Final = frozenset(
    _folded(word)
    for text in (_TERMS, _ENGLISH, _SEQUENCES, _GERMAN, _ROMANCE, _OTHERS, _KERNELS)
    for word in text.split()
)

# Three digits at most: a record's number, a telephone number and a year of birth have more.
_NUMBER: Final = r"[0-9]{1,3}(?:[.,][0-9]{1,3})?"
_BARE_NUMBER: Final = re.compile(_NUMBER)
_UNIT: Final = "mm|cm|m|s|sec|ms|min|kv|kvp|kev|ma|mas|ml|hu|mgy|t|d|x|%|w|st|nd|rd|th"
_MEASURE: Final = re.compile(
    rf"(?:{_NUMBER}(?:{_UNIT})|{_NUMBER}x{_NUMBER}(?:x{_NUMBER})?(?:mm|cm)?)"
)
# Siemens' kernels: B30f, I26f, Br40d, Hr68, Qr36, U90s; GE's levels of iteration: SS50, AR30.
_KERNEL: Final = re.compile(
    r"(?:[bihdtuq]|b[fmrlnvpsu]|h[fmrlcnvpsu]|q[rf]|sa|ss|ar)[0-9]{2}[a-z]?"
)
_ROMAN: Final = re.compile(r"(?:i{1,3}|i?v|vi{1,3})[ab]?")
_COUNTED: Final = re.compile(r"[0-9]{1,2}([a-z]{3,})")  # 3phase
_PIECES: Final = re.compile(r"[\s_,;:/\\()\[\]{}+&=<>|^~#'\"!?-]+")
_MOST_BARE_NUMBERS = 2  # running: three are a date


def is_known_word(word: str) -> bool:
    """Whether a single word says something of an image and nothing of a person."""
    folded = _folded(word).rstrip(".")
    if folded in WORDS or _ROMAN.fullmatch(folded):
        return True
    return bool(
        _BARE_NUMBER.fullmatch(folded) or _MEASURE.fullmatch(folded) or _KERNEL.fullmatch(folded)
    )


@lru_cache(maxsize=8192)
def cleaned(text: str) -> str:
    """The text without the words that are not known; "" when nothing is left.

    Words hold together as they were written (`CT-Abdomen`, `T1_vibe`) where all of their parts are
    known; else the known parts stand alone.
    """
    kept: list[str] = []
    dropped = False
    for chunk in text[:LONGEST_TEXT].split():
        pieces = [piece for piece in _PIECES.split(chunk) if piece]
        known = [piece for piece in pieces if is_known_word(piece)]
        dropped = dropped or known != pieces
        whole = bool(known) and known == pieces and chunk.isprintable()
        kept += [chunk] if whole and _bare(known) <= _MOST_BARE_NUMBERS else known
    if dropped:  # then a letter by itself may be an initial
        kept = [word for word in kept if len(word.rstrip(".")) > 1 or word.isdigit()]
    return " ".join(_without_dates(kept))


def stays_whole(text: str) -> bool:
    """Whether every word is known, so that the meaning of the whole is as it was."""
    return cleaned(text) == " ".join(text.split())


@lru_cache(maxsize=4096)
def is_term(value: str) -> bool:
    """Whether a Code String consists of terms that the standard or scanners define."""
    pieces = [piece for piece in _PIECES.split(value) if piece]
    return value in _PLAIN_NUMBERS or (
        bool(pieces)
        and len(value) <= 64
        and (_folded(value) in TERMS or all(map(is_known_word, pieces)))
        and _bare(pieces) <= _MOST_BARE_NUMBERS
    )


_PLAIN_NUMBERS: Final = frozenset({"00", "01"})  # Lossy Image Compression


def _bare(pieces: list[str]) -> int:
    return sum(1 for piece in pieces if _BARE_NUMBER.fullmatch(piece))


def _without_dates(words: list[str]) -> list[str]:
    """The words without runs of three and more bare numbers."""
    found: list[str] = []
    run: list[str] = []
    for word in [*words, ""]:
        if _BARE_NUMBER.fullmatch(word):
            run.append(word)
            continue
        found += run if len(run) <= _MOST_BARE_NUMBERS else []
        run = []
        found += [word] if word else []
    return found


# The same rules for a reader in another language (server.dicom.browser_rules).
PATTERNS: Final = {
    "number": _NUMBER,
    "measure": _MEASURE.pattern,
    "kernel": _KERNEL.pattern,
    "roman": _ROMAN.pattern,
    "pieces": _PIECES.pattern,
}
MOST_BARE_NUMBERS: Final = _MOST_BARE_NUMBERS
