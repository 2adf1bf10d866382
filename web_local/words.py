"""Every stable code of the box as a clerk reads it: what happened, what to do, who can do it.

One catalogue for the whole face. A test walks over the codes of the source tree and fails when one has no
sentence here. The texts are also the message ids of the translations (source language Italian): `N_` marks
them, `gettext` is asked when they are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from flask_babel import gettext

from contracts.desk_api.clerk import KeptBecause
from contracts.errors import Problem, WhoCanAct
from contracts.practices.model import Area, FieldKind
from web_local.presenting import span


def N_(text: str) -> str:  # noqa: N802 - the name translators' tools look for
    """Mark a text for translation without translating it yet."""
    return text


class Sentence(msgspec.Struct, frozen=True):
    """What happened, in one line, and what to do about it."""

    what: str
    do: str = ""


class Told(msgspec.Struct, frozen=True):
    """A problem ready to be shown.

    Attributes:
        who: the person whose move it is, in words; empty where `do` already says it.
        code: for the telephone call with the technician.
    """

    what: str
    do: str
    who: str
    code: str
    waits: bool = False


WHO: Final[Mapping[str, str]] = {
    WhoCanAct.CLERK: N_("Può risolvere lei, adesso."),
    WhoCanAct.CITIZEN: N_("Serve l'aiuto del cittadino."),
    WhoCanAct.TECHNICIAN: N_("Serve il tecnico."),
    WhoCanAct.OPERATOR: N_("Serve l'assistenza."),
    WhoCanAct.WAIT: N_("Basta aspettare."),
}

_CALL: Final = N_("Chiami l'assistenza e legga il codice qui sotto.")
_TECHNICIAN: Final = N_("Chiami il tecnico e legga il codice qui sotto.")
_AGAIN: Final = N_("Provi ancora una volta. Se succede di nuovo, chiami l'assistenza.")
_SAVED_STAYS: Final = N_("Quello che è già salvato resta al sicuro.")

SENTENCES: Final[Mapping[str, Sentence]] = {
    # the face itself
    "web.wrong_host": Sentence(
        N_("Questo indirizzo non è quello della postazione."), N_("Apra la pagina con l'icona sul desktop.")
    ),
    "web.forged_form": Sentence(
        N_("La pagina era aperta da troppo tempo."),
        N_("Torni all'inizio e ripeta l'ultima cosa che ha fatto."),
    ),
    "web.session_over": Sentence(N_("La sessione è finita."), N_("Entri di nuovo con il suo PIN.")),
    "web.not_found": Sentence(N_("Questa pagina non c'è."), N_("Torni all'inizio.")),
    "web.too_large": Sentence(N_("Il testo è troppo lungo."), N_("Lo accorci e riprovi.")),
    "web.broken": Sentence(N_("Qualcosa non ha funzionato in questa pagina."), _AGAIN),
    # clerks
    "clerk.wrong_pin": Sentence(
        N_("Il nome o il PIN non è giusto."), N_("Scriva di nuovo il PIN, con calma: sono solo cifre.")
    ),
    "clerk.locked_out": Sentence(
        N_("Troppi tentativi sbagliati."), N_("Per sicurezza aspetti {wait}, poi riprovi.")
    ),
    "clerk.wrong_voucher": Sentence(
        N_("Il codice di consegna non è giusto."), N_("Lo copi dal foglio di consegna della postazione.")
    ),
    "clerk.voucher_used": Sentence(
        N_("Il codice di consegna è già stato usato."),
        N_("Entri con il suo nome e il suo PIN, o chiami il tecnico."),
    ),
    "clerk.logged_out": Sentence(N_("La sessione è finita."), N_("Entri di nuovo con il suo PIN.")),
    "clerk.locked": Sentence(N_("La postazione è bloccata."), N_("Scriva il PIN per riprendere.")),
    "clerk.exists": Sentence(N_("Questo nome utente c'è già."), N_("Ne scelga un altro.")),
    # the desk and its sitting
    "desk.closed": Sentence(
        N_("Il dispositivo si sta riavviando."), N_("Aspetti: la pagina torna da sola tra poco.")
    ),
    "desk.bad_request": Sentence(N_("Il dispositivo non ha capito la richiesta."), _CALL),
    "desk.failed": Sentence(N_("Il dispositivo non è riuscito a finire."), _AGAIN),
    "desk.once_reused": Sentence(
        N_("Questa pagina era già stata usata."), N_("Guardi dove siamo e continui da lì.")
    ),
    "desk.not_enrolled": Sentence(
        N_("La postazione non è ancora pronta."),
        N_("Il tecnico deve completare la consegna della postazione."),
    ),
    "desk.quiet": Sentence(
        N_("È in corso la manutenzione della postazione."), N_("Aspetti qualche minuto, poi prema Comincia.")
    ),
    "desk.busy": Sentence(
        N_("Il dispositivo sta finendo un'altra cosa."), N_("Aspetti un momento e riprovi.")
    ),
    "sitting.not_now": Sentence(
        N_("Questo adesso non si può fare."), N_("Segua la pagina aperta, un passo alla volta.")
    ),
    "sitting.busy": Sentence(N_("Un apparecchio sta ancora lavorando."), N_("Aspetti un momento e riprovi.")),
    "sitting.none": Sentence(N_("Non c'è nessuna domanda aperta."), N_("Torni all'inizio e prema Comincia.")),
    "sitting.open": Sentence(N_("C'è già una domanda aperta."), N_("Prima la finisca o la metta da parte.")),
    "sitting.other_step": Sentence(N_("È aperta un'altra pagina di domande."), N_("Continui da questa.")),
    "sitting.other_person": Sentence(
        N_("Questa carta è di un'altra persona."),
        N_("Per riprendere la bozza serve la carta di chi l'ha cominciata."),
    ),
    "sitting.notice_not_printed": Sentence(
        N_("Il foglio con il testo completo non è ancora uscito."),
        N_("Lo stampi, oppure legga il testo ad alta voce."),
    ),
    "sitting.not_the_person": Sentence(
        N_("La persona non è quella della carta."),
        N_("Chieda la carta giusta. Se non ce l'ha, interrompa la domanda qui sotto."),
    ),
    "sitting.document_refused": Sentence(
        N_("Con questo documento non si può andare avanti."), N_("Chieda un altro documento.")
    ),
    "sitting.interrupted": Sentence(
        N_("Il dispositivo si è riavviato mentre lavorava."),
        N_("Non si è perso niente: ripeta solo l'ultimo passo."),
    ),
    "sitting.pages_missing": Sentence(
        N_("Manca un documento obbligatorio."),
        N_("Lo fotografi, oppure metta da parte la domanda fino a quando c'è."),
    ),
    "sitting.too_many_pages": Sentence(N_("Le pagine sono troppe."), N_("Tolga quelle che non servono.")),
    "sitting.unknown_paper": Sentence(N_("Questa pagina non c'è più."), N_("Guardi l'elenco delle pagine.")),
    "sitting.page_not_judged": Sentence(
        N_("C'è una pagina da guardare."), N_("La rifaccia, oppure dica perché va bene così.")
    ),
    "sitting.page_final": Sentence(
        N_("Questa pagina non si può più cambiare."),
        N_("Una parte è stata coperta: se serve, la fotografi di nuovo."),
    ),
    "sitting.finding_refused": Sentence(
        N_("Quello che si legge sul foglio non va bene per la domanda."), N_("Scriva a mano la risposta.")
    ),
    "sitting.signature_missing": Sentence(
        N_("Manca la firma."), N_("Fotografi il foglio firmato, o faccia firmare sullo schermo.")
    ),
    "sitting.signature_tiny": Sentence(
        N_("La firma è vuota o troppo piccola."), N_("Faccia firmare di nuovo, più grande.")
    ),
    "sitting.signature_too_long": Sentence(
        N_("La firma è troppo lunga."), N_("Faccia firmare di nuovo, con meno segni.")
    ),
    "sitting.summary_changed": Sentence(
        N_("Il riepilogo non è più quello che è stato firmato."),
        N_("Lo faccia rileggere e firmare di nuovo."),
    ),
    "sitting.cause_missing": Sentence(
        N_("Manca il motivo."), N_("Scriva perché il cittadino non può firmare.")
    ),
    "sitting.photo_document_needed": Sentence(
        N_("Questa tessera non ha la fotografia."),
        N_("Identifichi la persona a vista, con un documento che ha la fotografia."),
    ),
    "sitting.answers_incomplete": Sentence(
        N_("C'è ancora una risposta da completare."), N_("Torni alle domande e la corregga.")
    ),
    # the card
    "card.code_missing": Sentence(N_("Manca il codice della carta."), N_("Scriva le sei cifre sul davanti.")),
    "card.failed": Sentence(N_("La lettura della carta non è riuscita."), N_("Tolga la carta e riprovi.")),
    "card.no_such_software_card": Sentence(N_("Questa carta di prova non esiste."), _TECHNICIAN),
    "dump.ambiguous": Sentence(N_("La copia del documento contiene due volte la stessa parte."), _TECHNICIAN),
    "dump.crowded": Sentence(N_("La copia del documento è troppo grande."), _TECHNICIAN),
    "dump.none": Sentence(N_("Questa non è la copia di un documento."), _TECHNICIAN),
    "fetch.failed": Sentence(
        N_("L'elenco nuovo non è arrivato."), N_("Non deve fare niente: il dispositivo riprova da solo.")
    ),
    "fetch.too_large": Sentence(N_("L'elenco nuovo è troppo grande."), _TECHNICIAN),
    "card.removed": Sentence(
        N_("La carta è stata tolta."), N_("La appoggi di nuovo sul lettore e la lasci ferma fino alla fine.")
    ),
    "card.wrong_can": Sentence(
        N_("Il codice della carta non è giusto."),
        N_("Controlli le sei cifre in basso a destra, sul davanti della carta, e le scriva di nuovo."),
    ),
    "card.wrong_mrz": Sentence(
        N_("Le righe sul retro non corrispondono a questa carta."),
        N_("Le ricopi con attenzione, lettera per lettera."),
    ),
    "card.wrong_code": Sentence(N_("Il codice della carta non è giusto."), N_("Lo scriva di nuovo.")),
    "card.code_malformed": Sentence(
        N_("Il codice non è completo."), N_("Servono sei cifre, oppure tutte le righe sul retro della carta.")
    ),
    "card.mrz_needed": Sentence(
        N_("Per questo documento servono le righe sul retro."),
        N_("Apra «Passaporto, o carta con le sei cifre illeggibili» e le copi."),
    ),
    "card.not_a_document": Sentence(
        N_("Questa carta non è un documento che si può leggere."),
        N_("Chieda un'altra carta, oppure identifichi la persona a vista."),
    ),
    "card.code_needed": Sentence(
        N_("Sul lettore c'è una carta d'identità o un passaporto."),
        N_("Scriva le sei cifre della carta, oppure le righe del passaporto."),
    ),
    "document.nothing_seen": Sentence(
        N_("La telecamera non vede le righe stampate."),
        N_("Metta le righe con i segni < sotto la telecamera e riprovi. Oppure le copi."),
    ),
    "card.wrong_pin": Sentence(
        N_("Il PIN della tessera non è giusto."),
        N_("Il cittadino lo scriva di nuovo con calma, oppure legga la tessera senza PIN."),
    ),
    "card.pin_blocked": Sentence(
        N_("Il PIN della tessera è bloccato."),
        N_("Legga la tessera senza PIN. Per sbloccarlo il cittadino va alla sua ASL."),
    ),
    "card.pin_spared": Sentence(
        N_("Resta un solo tentativo per il PIN: non l'ho usato."),
        N_("Legga la tessera senza PIN, così non si blocca."),
    ),
    "card.unreadable": Sentence(
        N_("La carta non si legge."),
        N_("La tolga, pulisca il lato con il chip e riprovi. Se non va, identifichi la persona a vista."),
    ),
    "card.malformed": Sentence(
        N_("La carta ha risposto in modo strano."), N_("Riprovi. Se non va, identifichi la persona a vista.")
    ),
    "card.unsupported": Sentence(
        N_("Questo tipo di carta non è ancora previsto."), N_("Identifichi la persona a vista.")
    ),
    "card.refused": Sentence(
        N_("La carta non ha accettato la lettura."), N_("La tolga, aspetti un momento e riprovi.")
    ),
    "card.session_lost": Sentence(
        N_("Il contatto con la carta si è interrotto."), N_("Lasci ferma la carta sul lettore e riprovi.")
    ),
    "card.error": Sentence(N_("La lettura della carta non è riuscita."), N_("Tolga la carta e riprovi.")),
    "desk.absent": Sentence(N_("Il dispositivo non risponde."), N_("Aspetti: si riavvia da solo.")),
    "desk.did_not_return": Sentence(N_("Il dispositivo non è ripartito."), _TECHNICIAN),
    "desk.restart_failed": Sentence(N_("Il dispositivo non è ripartito."), _TECHNICIAN),
    # devices
    "card_reader.absent": Sentence(
        N_("Il lettore di carte non è collegato."),
        N_("Controlli il cavo. Intanto può identificare la persona a vista."),
    ),
    "card_reader.failed": Sentence(
        N_("Il lettore di carte non risponde."), N_("Stacchi il cavo, conti fino a cinque e lo riattacchi.")
    ),
    "card_reader.closed": Sentence(
        N_("Il lettore di carte si sta avviando."), N_("Aspetti qualche secondo.")
    ),
    "card_reader.busy": Sentence(N_("Il lettore di carte sta lavorando."), N_("Aspetti qualche secondo.")),
    "card_reader.no_card": Sentence(
        N_("Sul lettore non c'è nessuna carta."), N_("Appoggi la carta e la lasci lì.")
    ),
    "card_reader.no_service": Sentence(
        N_("Il lettore di carte non si è avviato."),
        N_("Intanto può identificare la persona a vista. Chiami il tecnico."),
    ),
    "card_reader.denied": Sentence(
        N_("Il lettore di carte non è concesso a questa postazione."), _TECHNICIAN
    ),
    "card_reader.unknown": Sentence(N_("Non c'è un lettore di carte con questo nome."), _TECHNICIAN),
    "card_reader.no_virtual_reader": Sentence(N_("Il lettore di prova non c'è."), _TECHNICIAN),
    "card_reader.short_commands_only": Sentence(
        N_("Questo lettore è lento con alcune carte."), N_("Può lavorare: la lettura dura un po' di più.")
    ),
    "printer.paper_jam": Sentence(
        N_("La carta si è inceppata nella stampante."),
        N_("Apra la stampante, tolga la carta con calma e richiuda."),
    ),
    "printer.job_aborted": Sentence(N_("La stampa si è interrotta."), N_("Stampi di nuovo.")),
    "printer.garbled": Sentence(
        N_("La stampante ha risposto in modo strano."), N_("La spenga, la riaccenda e riprovi.")
    ),
    "printer.refused": Sentence(
        N_("La stampante non ha accettato la stampa."), N_("Aspetti un momento e riprovi.")
    ),
    "printer.toner_low": Sentence(
        N_("Il toner della stampante sta per finire."), N_("Tenga pronto quello nuovo.")
    ),
    "printer.waste_full": Sentence(N_("La vaschetta del toner usato è piena."), N_("La cambi appena può.")),
    "printer.paper_out": Sentence(
        N_("Manca la carta nella stampante."), N_("Metta un rotolo nuovo: riprende da sola.")
    ),
    "printer.paper_near_end": Sentence(
        N_("La carta della stampante sta per finire."), N_("Tenga pronto un rotolo.")
    ),
    "printer.paper_low": Sentence(
        N_("La carta della stampante sta per finire."), N_("Tenga pronto un rotolo.")
    ),
    "printer.cover_open": Sentence(
        N_("Il coperchio della stampante è aperto."), N_("Lo chiuda fino allo scatto.")
    ),
    "printer.not_answering": Sentence(
        N_("La stampante non risponde."),
        N_("Controlli che sia accesa e collegata. Può continuare e stampare dopo."),
    ),
    "printer.absent": Sentence(
        N_("La stampante non è collegata."), N_("Controlli il cavo e l'interruttore. Può stampare più tardi.")
    ),
    "printer.failed": Sentence(N_("La stampa non è riuscita."), N_("Controlli la carta e riprovi.")),
    "printer.fault": Sentence(N_("La stampante ha un guasto."), N_("La spenga, la riaccenda e riprovi.")),
    "printer.closed": Sentence(N_("La stampante si sta avviando."), N_("Aspetti qualche secondo.")),
    "printer.unconfirmed": Sentence(
        N_("Non so se la stampa è uscita."), N_("Guardi la stampante: se il foglio non c'è, stampi di nuovo.")
    ),
    "printer.printing": Sentence(N_("La stampante sta stampando."), N_("Aspetti che finisca.")),
    "printer.document_refused": Sentence(N_("La stampante non accetta questo foglio."), _TECHNICIAN),
    "printer.paper_unsupported": Sentence(N_("La stampante non ha la carta adatta."), _TECHNICIAN),
    "receipt.empty_code": Sentence(N_("La ricevuta non ha il suo codice."), _CALL),
    "receipt.too_long": Sentence(N_("La ricevuta è troppo lunga per la stampante."), _CALL),
    "camera.absent": Sentence(
        N_("La telecamera non è collegata."), N_("Controlli il cavo della telecamera.")
    ),
    "camera.failed": Sentence(N_("La fotografia non è riuscita."), N_("Riprovi tra un momento.")),
    "camera.fault": Sentence(
        N_("La telecamera non funziona."), N_("Stacchi il cavo, conti fino a cinque e lo riattacchi.")
    ),
    "camera.lens_covered": Sentence(
        N_("La telecamera è coperta."), N_("Tolga quello che copre l'obiettivo.")
    ),
    "camera.lent": Sentence(
        N_("La telecamera è in uso per una chiamata."), N_("Torna disponibile alla fine della chiamata.")
    ),
    "camera.focusing": Sentence(
        N_("La telecamera mette di nuovo a fuoco."), N_("Aspetti qualche secondo e tenga fermo il foglio.")
    ),
    "camera.held": Sentence(N_("La telecamera è occupata."), N_("Aspetti qualche secondo e riprovi.")),
    "camera.closed": Sentence(N_("La telecamera si sta avviando."), N_("Aspetti qualche secondo.")),
    "barcode.absent": Sentence(
        N_("Il lettore di codici non è collegato."), N_("Può scrivere i codici con la tastiera.")
    ),
    "barcode.failed": Sentence(
        N_("Il lettore di codici non risponde."), N_("Può scrivere i codici con la tastiera.")
    ),
    "barcode.incomplete": Sentence(
        N_("Il codice è stato letto a metà."), N_("Lo passi di nuovo sul lettore.")
    ),
    "barcode.closed": Sentence(N_("Il lettore di codici si sta avviando."), N_("Aspetti qualche secondo.")),
    "panel.absent": Sentence(N_("Le luci della postazione non rispondono."), N_("Può lavorare lo stesso.")),
    "panel.failed": Sentence(N_("Le luci della postazione non rispondono."), N_("Può lavorare lo stesso.")),
    "panel.closed": Sentence(
        N_("Le luci della postazione si stanno avviando."), N_("Può lavorare lo stesso.")
    ),
    "panel.tampered": Sentence(
        N_("La scatola della postazione è stata aperta."),
        N_("Non lavori con questa postazione e chiami il tecnico."),
    ),
    "device.disabled": Sentence(
        N_("Questa postazione non ha questo apparecchio."), N_("Può continuare senza.")
    ),
    "device.failed": Sentence(N_("Un apparecchio non ha risposto."), _AGAIN),
    # papers
    "capture.nothing_named": Sentence(N_("Non c'è nessuna fotografia."), _TECHNICIAN),
    "capture.not_measured": Sentence(N_("La misura della telecamera non è riuscita."), _TECHNICIAN),
    "capture.failed": Sentence(N_("La pagina non è venuta."), N_("Riprovi.")),
    "capture.corners_invalid": Sentence(N_("Questi angoli non fanno un foglio."), N_("Li sposti di nuovo.")),
    "capture.frame_invalid": Sentence(N_("La telecamera dà immagini rotte."), _TECHNICIAN),
    "capture.model_missing": Sentence(N_("Manca una parte del programma."), _TECHNICIAN),
    "capture.language_missing": Sentence(N_("Manca una lingua per leggere i fogli."), _TECHNICIAN),
    "capture.several_pages": Sentence(N_("Questa fotografia contiene più pagine."), _TECHNICIAN),
    "capture.picture_too_small": Sentence(N_("La fotografia è troppo piccola."), N_("Riprovi.")),
    "capture.picture_invalid": Sentence(N_("La fotografia non è venuta bene."), N_("Riprovi.")),
    "capture.picture_too_large": Sentence(N_("La fotografia è troppo grande."), _TECHNICIAN),
    "capture.document_too_large": Sentence(
        N_("Le pagine sono troppe per una domanda sola."), N_("Tolga le pagine che non servono.")
    ),
    "capture.document_invalid": Sentence(
        N_("Una pagina non si può usare."), N_("La tolga e la fotografi di nuovo.")
    ),
    "capture.not_archivable": Sentence(
        N_("Una pagina non si può conservare."), N_("La tolga e la fotografi di nuovo.")
    ),
    # time, storage, outbox
    "clock.untrusted": Sentence(
        N_("L'ora della postazione non è sicura."),
        N_("Si corregge da sola con il collegamento a Internet. Intanto può lavorare."),
    ),
    "storage.full": Sentence(
        N_("La memoria della postazione è piena."), N_("Non si può salvare altro. Chiami il tecnico.")
    ),
    "outbox.full": Sentence(
        N_("La memoria della postazione è piena."), N_("La domanda resta una bozza. Chiami il tecnico.")
    ),
    "outbox.damaged": Sentence(N_("L'archivio delle domande ha un guasto."), _TECHNICIAN),
    "outbox.busy": Sentence(N_("L'archivio delle domande è occupato."), N_("Riprovi tra qualche secondo.")),
    "outbox.unknown_letter": Sentence(N_("Questa domanda non è più nell'elenco."), N_("Torni all'elenco.")),
    "outbox.letter_erased": Sentence(
        N_("La domanda è già arrivata e qui non c'è più."), N_("Per notizie usi il numero di protocollo.")
    ),
    "draft.missing": Sentence(N_("Questa bozza non c'è più."), N_("Torni all'elenco delle bozze.")),
    "draft.unreadable": Sentence(N_("Questa bozza non si può aprire."), _TECHNICIAN),
    "vault.key_lost": Sentence(N_("La postazione non riesce ad aprire le bozze."), _TECHNICIAN),
    "catalogue.no_notice": Sentence(
        N_("Manca il testo sull'uso dei dati: senza, non si può cominciare."), N_("Chiami l'assistenza.")
    ),
    "catalogue.unknown_practice": Sentence(
        N_("Questo tipo di domanda oggi non si può fare."), N_("Ne scelga un altro dall'elenco.")
    ),
    # letters that go no further
    "letter.conflict": Sentence(N_("Al centro c'è già un'altra domanda con questo numero."), _CALL),
    "letter.damaged": Sentence(
        N_("La domanda salvata si è rovinata."), N_("Chiami subito l'assistenza: va rifatta.")
    ),
    "letter.refused": Sentence(N_("Il centro non ha accettato la domanda."), _CALL),
    # the line
    "agent.silent": Sentence(N_("L'invio delle domande si sta avviando."), N_("Può lavorare.")),
    "link.lost": Sentence(
        N_("Il collegamento è caduto."), N_("Può lavorare: le domande partono appena torna.")
    ),
    "link.unreachable": Sentence(
        N_("Internet non risponde."), N_("Può lavorare: le domande partono appena torna il collegamento.")
    ),
    "link.timeout": Sentence(
        N_("Internet è molto lento."), N_("Può lavorare: le domande partono appena possibile.")
    ),
    "link.no_name": Sentence(N_("Internet non risponde."), N_("Controlli il cavo di rete o il router.")),
    "link.nobody_there": Sentence(
        N_("Il centro non risponde."), N_("Può lavorare: le domande partono appena torna.")
    ),
    "link.server_untrusted": Sentence(N_("Il centro non si è fatto riconoscere."), _TECHNICIAN),
    "link.not_authorized": Sentence(N_("Il centro non riconosce questa postazione."), _TECHNICIAN),
    "link.not_accepted": Sentence(N_("Il centro non riconosce questa postazione."), _TECHNICIAN),
    "link.stopped": Sentence(N_("Il collegamento si sta avviando."), N_("Può lavorare.")),
    "link.renewed": Sentence(N_("Il collegamento si sta rinnovando."), N_("Può lavorare.")),
}

ROOMS: Final[Mapping[str, Sentence]] = {
    "agent": Sentence(
        N_("L'invio delle domande ha un guasto."), N_("Può lavorare: le domande restano sul dispositivo.")
    ),
    "catalogue": Sentence(N_("L'elenco delle domande ha un errore."), _CALL),
    "device": Sentence(N_("Un apparecchio non è configurato bene."), _TECHNICIAN),
    "box": Sentence(N_("La postazione non è ancora pronta."), N_("Il tecnico deve completare la consegna.")),
    "certificate": Sentence(N_("Il documento d'identità della postazione non si è rinnovato."), _TECHNICIAN),
    "order": Sentence(N_("Un ordine del centro non è riuscito."), N_("Può lavorare lo stesso.")),
    "post": Sentence(N_("Il centro non risponde."), N_("Può lavorare: le domande partono appena torna.")),
    "receipt": Sentence(N_("La conferma del centro non è valida."), _CALL),
    "dump": Sentence(N_("La cartella non contiene i dati di un solo documento."), _TECHNICIAN),
    "error": Sentence(N_("Qualcosa non ha funzionato."), _AGAIN),
    "journal": Sentence(N_("Il registro della postazione ha un guasto."), _TECHNICIAN),
    "letter": Sentence(N_("La domanda non si è potuta chiudere."), _CALL),
    "link": Sentence(
        N_("Il collegamento non funziona."), N_("Può lavorare: le domande partono appena torna.")
    ),
    "message": Sentence(N_("Il dispositivo non ha capito un messaggio."), _CALL),
    "name": Sentence(N_("Il dispositivo non ha capito un nome."), _CALL),
    "outbox": Sentence(N_("L'archivio delle domande ha un guasto."), _TECHNICIAN),
    "probe": Sentence(N_("Un controllo della postazione non è riuscito."), N_("Può lavorare lo stesso.")),
    "scenario": Sentence(N_("La prova simulata ha un errore."), _TECHNICIAN),
    "settings": Sentence(N_("La postazione non è configurata bene."), _TECHNICIAN),
    "statement": Sentence(N_("Una conferma del centro non è valida."), _CALL),
    "storage": Sentence(N_("La memoria della postazione ha un guasto."), _TECHNICIAN),
    "trust": Sentence(N_("L'elenco delle firme di Stato non è valido."), _TECHNICIAN),
    "vault": Sentence(N_("La postazione non riesce ad aprire le bozze."), _TECHNICIAN),
    "worker": Sentence(
        N_("Una parte del dispositivo si è fermata."), N_("Si riavvia da sola: aspetti un momento.")
    ),
}
"""Rooms whose every code means the same to a clerk: nothing to be done at the desk."""

NEWER: Final[Mapping[str, Sentence]] = {
    "barcode": Sentence(
        N_("Il lettore di codici non è a posto."), N_("Può scrivere i codici con la tastiera.")
    ),
    "camera": Sentence(N_("La telecamera non è a posto."), N_("Controlli il cavo e riprovi.")),
    "capture": Sentence(N_("La pagina non si può usare."), N_("La fotografi di nuovo.")),
    "card": Sentence(N_("La lettura della carta non è riuscita."), N_("Tolga la carta e riprovi.")),
    "card_reader": Sentence(N_("Il lettore di carte non è a posto."), N_("Controlli il cavo e riprovi.")),
    "panel": Sentence(N_("Le luci della postazione non sono a posto."), N_("Può lavorare lo stesso.")),
    "printer": Sentence(
        N_("La stampante non è a posto."), N_("Controlli carta e cavo. Può stampare più tardi.")
    ),
    "sitting": Sentence(
        N_("Questo adesso non si può fare."), N_("Segua la pagina aperta, un passo alla volta.")
    ),
}
"""For codes of a desk newer than this face. A code of this source tree must not need them."""

ANSWERS: Final[Mapping[str, str]] = {
    "answer.required": N_("Manca la risposta."),
    "answer.too_long": N_("Il testo è troppo lungo: al massimo {limit} lettere."),
    "answer.too_many": N_("Le risposte sono troppe: al massimo {limit}."),
    "answer.not_an_option": N_("Scelga una delle risposte dell'elenco."),
    "answer.yes_or_no": N_("Scelga Sì o No."),
    "answer.cf_shape": N_(
        "Il codice fiscale ha 16 lettere e cifre, qui sono {signs}. Lo ricopi dalla tessera sanitaria."
    ),
    "answer.cf_wrong_check": N_(
        "Il codice fiscale ha un errore. Lo ricopi lettera per lettera dalla tessera sanitaria."
    ),
    "answer.piva_shape": N_("La partita IVA ha 11 cifre, qui sono {signs}."),
    "answer.piva_wrong_check": N_("La partita IVA ha un errore. La ricopi cifra per cifra."),
    "answer.iban_shape": N_(
        "L'IBAN non è completo. Quello italiano comincia con IT e ha 27 lettere e cifre, qui sono {signs}."
    ),
    "answer.iban_wrong_check": N_(
        "L'IBAN ha un errore. Lo ricopi a gruppi di quattro dal foglio della banca."
    ),
    "answer.iban_wrong_national_check": N_(
        "L'IBAN ha un errore. Lo ricopi a gruppi di quattro dal foglio della banca."
    ),
    "answer.date_unreadable": N_("Questa data non c'è nel calendario. La scriva così: 03/02/1950."),
    "answer.date_century": N_("Scriva l'anno con quattro cifre, per esempio 1950."),
    "answer.date_out_of_range": N_("Questa data è troppo lontana. Controlli l'anno."),
    "answer.month_unreadable": N_("Scriva il mese e l'anno, per esempio 03/2026."),
    "answer.year_shape": N_("Scriva l'anno con quattro cifre, per esempio 2025."),
    "answer.number_unreadable": N_("Scriva solo un numero, per esempio 50 oppure 33,3."),
    "answer.number_too_large": N_("Il numero è troppo grande: al massimo {limit} cifre."),
    "answer.amount_unreadable": N_("Scriva solo l'importo in euro, per esempio 1200,50."),
    "answer.amount_too_large": N_("L'importo è troppo grande. Controlli le cifre."),
    "answer.comune_unknown": N_("Non conosco questo comune o Stato. Controlli come si scrive."),
    "answer.comune_two": N_("Ci sono più comuni con questo nome. Scriva anche la provincia: {listed}."),
    "answer.cap_shape": N_("Il CAP ha cinque cifre."),
    "answer.address_short": N_("Scriva la via e il numero civico."),
    "answer.phone_shape": N_("Il numero di telefono non è completo. Per esempio: 333 123 4567."),
    "answer.email_shape": N_("L'indirizzo e-mail non è completo. Per esempio: nome@esempio.it."),
    "answer.protocol_shape": N_("Il numero di protocollo ha solo lettere, cifre, punti e barre."),
    "warning.cf_birth_differs": N_(
        "Il codice fiscale non corrisponde alla data di nascita o al sesso. Controlli. Se è giusto così, prema di nuovo Avanti."
    ),
}
"""What is wrong with an answer, next to the field and in the summary. Facts stand in braces."""

READING: Final[Mapping[str, str]] = {
    "card.opening": N_("Apro la carta con il suo codice."),
    "card.identity": N_("Leggo nome e data di nascita."),
    "card.chip": N_("Controllo che il chip sia l'originale."),
    "card.photo": N_("Leggo la fotografia. È la parte più lunga."),
    "card.awaited": N_("Righe lette. Adesso appoggi il documento sul lettore."),
    "document.looking": N_("Guardo il documento con la telecamera."),
    "contact.opening": N_("Cerco i dati nella tessera."),
    "contact.identity": N_("Leggo nome e codice fiscale."),
    "contact.chip": N_("Controllo il certificato della tessera."),
}
"""What the card is telling just now."""


class Shape(msgspec.Struct, frozen=True):
    """How the input of a kind of answer looks: keyboard of a touch screen, width, an example."""

    keys: str = ""
    width: str = ""
    help: str = ""


SHAPES: Final[Mapping[FieldKind, Shape]] = {
    FieldKind.CODICE_FISCALE: Shape(width="is-mid is-mono"),
    FieldKind.CF_PIVA: Shape(width="is-mid is-mono"),
    FieldKind.IBAN: Shape(width="is-long is-mono"),
    FieldKind.DATE: Shape("numeric", "is-short", N_("Giorno, mese, anno. Per esempio: 03/02/1950")),
    FieldKind.MONTH: Shape("numeric", "is-short", N_("Mese e anno. Per esempio: 03/2026")),
    FieldKind.YEAR: Shape("numeric", "is-tiny", N_("Quattro cifre.")),
    FieldKind.NUMBER: Shape("decimal", "is-tiny"),
    FieldKind.AMOUNT: Shape("decimal", "is-short", N_("Per esempio: 1200,50")),
    FieldKind.CAP: Shape("numeric", "is-tiny", N_("Cinque cifre.")),
    FieldKind.COMUNE: Shape(width="is-mid"),
    FieldKind.PHONE: Shape("tel", "is-mid"),
    FieldKind.EMAIL: Shape("email", "is-long"),
    FieldKind.PROTOCOL: Shape(width="is-mid is-mono"),
    FieldKind.ADDRESS: Shape(width="is-long"),
    FieldKind.TEXT: Shape(width="is-long"),
}

GROUP: Final = N_("Voce")
"""What one round of a repeated group is called where the catalogue does not say."""

AREAS: Final[Mapping[Area, str]] = {
    Area.WORK: N_("Lavoro e disoccupazione"),
    Area.FAMILY: N_("Famiglia e figli"),
    Area.PENSION: N_("Pensione e contributi"),
    Area.SUPPORT: N_("Reddito e disabilità"),
    Area.CERTIFICATES: N_("Fogli da stampare"),
    Area.ACCOUNT: N_("I dati con l'INPS"),
}
"""Headings of the list of practices, in its order."""
OTHER_AREA: Final = N_("Altre domande")

REMARKS: Final[Mapping[str, Sentence]] = {
    "not_found": Sentence(
        N_("Non vedo dove finisce il foglio."), N_("Lo metta sul tappetino scuro, oppure segni gli angoli.")
    ),
    "cut": Sentence(N_("Manca un pezzo del foglio."), N_("Lo sposti tutto dentro l'inquadratura.")),
    "several": Sentence(N_("Ci sono due fogli."), N_("Ne metta uno alla volta.")),
    "unsure": Sentence(
        N_("Non sono sicuro dei bordi del foglio."), N_("Guardi se c'è tutto, oppure segni gli angoli.")
    ),
    "blurred": Sentence(N_("La pagina è sfocata."), N_("Tenga il foglio piatto e fermo.")),
    "soft": Sentence(
        N_("La pagina è un po' sfocata."), N_("Guardi se si legge anche la scritta più piccola.")
    ),
    "refocused": Sentence(
        N_("La telecamera ha messo a fuoco di nuovo."), N_("Rifaccia la foto: ora viene meglio.")
    ),
    "folded": Sentence(N_("Un angolo del foglio è piegato."), N_("Lo apra: può coprire una scritta.")),
    "finger": Sentence(N_("Si vede una mano sul foglio."), N_("Tolga le dita dal bordo.")),
    "glare": Sentence(N_("C'è un riflesso sul foglio."), N_("Sposti la lampada o il foglio.")),
    "too_dark": Sentence(N_("La pagina è scura."), N_("Accenda la luce o sposti il foglio.")),
    "blank": Sentence(N_("La pagina sembra vuota."), N_("Forse il foglio è al contrario.")),
    "back": Sentence(N_("Sembra il retro del foglio."), N_("Lo giri dall'altra parte.")),
    "same_page": Sentence(
        N_("Sembra la stessa pagina di prima."), N_("Se è un'altra, dica che va bene così.")
    ),
}
"""What is not as it should be on a page."""


class HintTold(msgspec.Struct, frozen=True):
    """One sentence under the live picture, and the colour of the outline."""

    text: str
    tone: str


HINTS: Final[Mapping[str, tuple[str, str]]] = {
    "sheet_missing": (N_("Metta il foglio sul tappetino scuro."), "plain"),
    "sheet_cut": (N_("Il foglio esce dall'inquadratura: lo sposti al centro."), "warn"),
    "sheet_cut_left": (N_("Il foglio esce a sinistra: lo sposti a destra."), "warn"),
    "sheet_cut_right": (N_("Il foglio esce a destra: lo sposti a sinistra."), "warn"),
    "sheet_cut_top": (N_("Il foglio esce in alto: lo sposti in basso."), "warn"),
    "sheet_cut_bottom": (N_("Il foglio esce in basso: lo sposti in alto."), "warn"),
    "several": (N_("Ci sono due fogli: ne metta uno alla volta."), "warn"),
    "finger": (N_("Tolga le dita dal bordo."), "warn"),
    "glare": (N_("C'è un riflesso: sposti la lampada."), "warn"),
    "unsure": (N_("Non vedo bene i bordi: un foglio solo, sul tappetino scuro."), "warn"),
    "too_dark": (N_("Troppo buio: accenda la luce."), "warn"),
    "moving": (N_("Tolga le mani e lasci fermo il foglio."), "plain"),
    "blurred": (N_("Aspetti: la telecamera mette a fuoco."), "plain"),
    "hold_still": (N_("Tenga fermo il foglio…"), "busy"),
    "ready": (N_("Ottimo, si legge bene."), "good"),
    "next_sheet": (N_("Fatto. Metta il foglio successivo."), "good"),
    "turn_over": (N_("Fatto. Ora giri la tessera."), "good"),
    "camera_gone": (N_("La telecamera non dà immagine. Controlli il cavo."), "bad"),
    "blind": (N_("I bordi non si vedono da soli: fotografi con il pulsante."), "warn"),
}
"""The one thing that helps now, under the live picture."""

PAPERS: Final[Mapping[str, str]] = {
    "permesso_soggiorno": N_("un permesso di soggiorno"),
    "busta_paga": N_("una busta paga"),
    "lettera": N_("una lettera di dimissioni o di licenziamento"),
    "isee": N_("un'attestazione ISEE"),
    "dsu": N_("una dichiarazione sostitutiva unica (DSU)"),
    "certificazione_unica": N_("una certificazione unica"),
    "verbale_invalidita": N_("un verbale di invalidità"),
    "stato_di_famiglia": N_("uno stato di famiglia"),
    "contratto_locazione": N_("un contratto di affitto"),
    "delega": N_("una delega"),
    "iban": N_("un foglio con l'IBAN"),
    "certificato_medico": N_("un certificato medico"),
    "avviso_pagopa": N_("un avviso di pagamento pagoPA"),
    "tessera_sanitaria": N_("una tessera sanitaria"),
}
"""What a page seems to be."""

KEPT: Final[Mapping[KeptBecause, str]] = {
    KeptBecause.ORIGINAL_IS_SO: N_("Il foglio è proprio così"),
    KeptBecause.NO_BETTER: N_("Ho riprovato e non viene meglio"),
    KeptBecause.COMPLETE: N_("Non manca niente e si legge tutto"),
}
"""Why a page is kept."""

FOUND: Final[Mapping[str, str]] = {
    "iban": N_("IBAN"),
    "codice_fiscale": N_("Codice fiscale"),
    "protocol": N_("Numero di protocollo"),
}
"""What was read on a page."""


def tell(problem: Problem) -> Told:
    """A problem in the words of the clerk."""
    sentence = sentence_of(problem.code) or ROOMS["error"]
    wait_s = problem.facts.get("wait_s")
    wait = span(int(wait_s)) if isinstance(wait_s, int | float) else gettext("qualche minuto")
    return Told(
        what=gettext(sentence.what),
        do=gettext(sentence.do).replace("{wait}", wait),
        who=gettext(WHO[problem.who]) if problem.who in {WhoCanAct.TECHNICIAN, WhoCanAct.OPERATOR} else "",
        code=problem.code,
        waits=problem.who is WhoCanAct.WAIT,
    )


def sentence_of(code: str) -> Sentence | None:
    """The sentence of a code: its own, else its room's."""
    room = code.partition(".")[0]
    return SENTENCES.get(code) or ROOMS.get(room) or NEWER.get(room)


def tell_answer(code: str, facts: Mapping[str, Any]) -> str:
    """What is wrong with an answer, and what to write instead."""
    text = gettext(ANSWERS.get(code, N_("Controlli questa risposta.")))
    for name, value in facts.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def tell_reading(code: str) -> str:
    """What the card is telling just now."""
    return gettext(READING.get(code, N_("Leggo la carta. La lasci ferma sul lettore.")))


def tell_hint(code: str) -> HintTold:
    """The sentence under the live picture; of a code that is newer than this face, nothing is said."""
    text, tone = HINTS.get(code, ("", "plain"))
    return HintTold(gettext(text) if text else "", tone)


def tell_paper(kind: str) -> str:
    """What a page seems to be, with its article."""
    return gettext(PAPERS[kind]) if kind in PAPERS else gettext("un altro documento")


def tell_remark(code: str) -> Sentence:
    """What to look at in a captured page."""
    found = REMARKS.get(code.rpartition(".")[2], Sentence(N_("Guardi se la pagina si legge bene.")))
    return Sentence(gettext(found.what), gettext(found.do))
