"""Mails to buyers: what became of their number. Sent by a job that the change itself has deferred."""

from email.message import EmailMessage
from uuid import UUID

from serai.kernel.money import Money
from serai.kernel.ports import Clock
from serai.runtime.mail import Mailer
from serai.runtime.postgres.database import Database
from serai.systems.simcards.model import Sale, SaleState
from serai.systems.simcards.numbering.plans import shown
from serai.systems.simcards.store import sales as store


class SaleMail:
    """Writes and sends."""

    def __init__(self, database: Database, mailer: Mailer, clock: Clock, site_url: str) -> None:
        self._database = database
        self._mailer = mailer
        self._clock = clock
        self._site_url = site_url

    async def send(self, tenant: str, sale_id: str) -> None:
        """The job `simcards.mail_sale`: tells the buyer how the sale stands now. Run twice it sends the same mail."""
        async with self._database.transaction(UUID(tenant)) as tx:
            sale = await store.sale_by_id(tx, UUID(sale_id))
        if sale is None or sale.state is SaleState.PENDING:
            return
        subject, text = _written(sale, f"{self._site_url}/simcards/sales/{sale.capability.text()}")
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._mailer.sender, sale.email, subject
        message["Message-ID"] = f"<number-{sale.state}.{sale.sale_id}@serai>"
        message["Date"] = self._clock.now()
        message.set_content(text)
        await self._mailer.send(message)


def _written(sale: Sale, link: str) -> tuple[str, str]:
    number = shown(sale.number)
    if sale.state is SaleState.FAILED:
        return "Your number was not sold", f"{sale.reason}\n\nNo money was taken for {number}.\n"
    if sale.state is SaleState.RETURNED:
        back = Money(sale.refund_minor, sale.total.currency)
        said = (
            f"We return {back.format()} to your card."
            if sale.refund_minor
            else "It was in use, so nothing is returned."
        )
        return "Your number was returned", f"You gave back {number}. {said}\n"
    text = f"{number} is yours for {sale.total.format()}.\n\nYour code: {sale.confirmation_code}\n"
    return f"Your number {number}", f"{text}Put it on a card, or give it back: {link}\n"
