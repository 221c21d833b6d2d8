"""Parameters and answers that several endpoints share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from catalog_svc.domain.cells import CODE
from lemai_chassis.access import Person, Role, needs

Code = Annotated[str, Field(pattern=f"^{CODE}$", max_length=50)]
OwnerCode = Annotated[Code, Field(description="货主 / owner", examples=["JFY"])]
ItemCode = Annotated[Code, Field(description="商品编码 / item code", examples=["GB-TS-001-R-90"])]
Viewer = Annotated[Person, needs(Role.VIEW, by_owner=True)]
ByCatalog = Annotated[Person, needs(Role.CATALOG, by_owner=True)]
StoreCode = Annotated[Code, Field(description="店铺 / store", examples=["TM-JFY-01"])]


class RefusalView(BaseModel):
    """Why a row is not taken."""

    row: int = Field(description="行号，与表格软件一致 / as a spreadsheet program counts")
    column: str = Field(description="列 / the column's head and key", examples=["条码 barcodes"])
    value: str
    reason: str = Field(examples=["必填 / required"])


class NoteView(BaseModel):
    """What a person should know of rows that are taken all the same."""

    model_config = ConfigDict(from_attributes=True)

    rows: str = Field(description="行号 / row numbers", examples=["2–5、9"])
    column: str = Field(description="列，空为整行 / the column's head and key; empty for whole rows")
    reason: str = Field(examples=["隐藏或被筛选掉，仍会读取 / hidden or filtered out; read all the same"])
