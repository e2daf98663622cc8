"""The nested types (10) and how values of them look on the wire (3)."""

from __future__ import annotations

from typing import TypeAlias

Fields: TypeAlias = dict[str, str]
"""Kind of each member: ``s`` text, ``i`` integer, ``d`` decimal, ``b`` bool, ``t`` DateTime, ``T``
DateTime?, ``o`` anything, ``{X}`` a type, ``[X]`` a list of it; a ``!`` marks a required one."""


def fields(text: str) -> Fields:
    """Return members from words ``Name`` or ``Name:kind``; without a kind it is text."""
    pairs = (word.partition(":") for word in text.split())
    return {
        name.removesuffix("!"): kind or ("s!" if name.endswith("!") else "s")
        for name, _, kind in pairs
    }


_ITEM = (
    "Pk:i Description InventoryType Manufacturer Model Category:i CategoryDescription "
    "SubCategory:i SubCategoryDescription SelectionCode SelectionCodeDescription Sku Mpn "
    "Discontinued:b"
)
_CUSTOMER_SHAPE = "Name Addr1 Addr2 City St Zip"

TYPES: dict[str, Fields] = {
    name: fields(text)
    for name, text in {
        "BaseResponseResult": (
            "StatusCode Login ErrorCode ErrorDisplayText ErrorMessage DomainName IpAddress"
        ),
        "UserDetail": (
            "Firstname LastName Email Type Location LocationName AccountNumber:i TaxAuthority "
            "TaxAuthorityName"
        ),
        "AccountDetail": "Acct:i AcctType Name",
        "SearchInventoryApiResult": f"{_ITEM} Detail:{{InventoryDetail}} CustomerPrice:d",
        "InventoryDetail": (
            "SadPk:i InvType Model Description Mfg Category:i CategoryDescription SubCategory:i "
            "SubCategoryDescription SelectionCode SelectionCodeDescription SellSerialsOnline:b "
            "Notes Images:[ImageInfo] HasImages:b VariantDetails:[InventoryDetailByVariant] "
            "AddOns:[AddOnDetail] ActiveEInfo:{ActiveEInfo} Weight:d Unit ShipCharge:d"
        ),
        "ImageInfo": "Url ImageStream ImageSize ErrorMessage UriPk:i",
        "NewImageInfo": "FileName Description Base64Image",
        # The page is cut; that the serials which IncludeSerialInfo asks for stand here is INF.
        "InventoryDetailByVariant": (
            "SkuPk:i Sku VendorCost:d VendorName Serials:[InventoryDetailBySerial]"
        ),
        "AddOnDetail": "Sku",
        "ActiveEInfo": "WebCategoryIds:[i] Dimension WebDescription Summary SETitle",
        "InventoryQtyByVariant": "Sku AeVariantName Locations:[InventoryQtyByLocation]",
        "InventoryQtyByLocation": "LocationInfo:{LocationInfo} QtyAvail:d",
        "LocationInfo": (
            "Id:i Desc ShortDesc Region Latitude:d Longitude:d InStorePickup Active:b "
            "CashSaleAcct:i"
        ),
        "InventoryDetailBySerial": (
            "SasPk:i Serial Retail:d OurPrice:d SalePrice:d Status SaleInfo PriceA:d PriceB:d "
            "PriceC:d MinPrice:d ActiveEPrice:d"
        ),
        "AutoPriceRecord": (
            "Id:i Description Category:i CategoryDescription SubCategory:i SubCategoryDescription "
            "Vendor:i VendorName"
        ),
        "SaleRecord": (
            "SadPk:i SkuPk:i SaqPk:i Model SKU LocationId:i StartDate:t EndDate:t "
            "CustomerAccount:i CustomerDefaultId:i Condition "
            "DiscountFromPriceLevel:{DiscountFromPriceLevel} DiscountByPriceLevel "
            "DiscountBySetPrice:d DiscountByAmount:d RecurringSale:{RecurringSaleInfo}"
        ),
        # The misspelling is on the wire.
        "DiscountFromPriceLevel": "BasePriceLevel DisountPercentage:d",
        "RecurringSaleInfo": "Days:[RecurringSaleDay]",
        "RecurringSaleDay": "Weekday BeginHour:i BeginMinute:i EndHour:i EndMinute:i",
        "CategoryInfo": (
            "CategoryNumber:i CategoryType Description Active:b "
            "SubCategoryListing:[SubCategoryInfo] PaymentCategoryType AllowedOnMobile:b"
        ),
        "SubCategoryInfo": "SubCategoryNumber:i Description",
        "Transfer": "RefNumber DateTime:t From:{LocationInfo} To:{LocationInfo} IsRequest:b",
        "TransferLineItem": (
            "QtyIn:d QtyOut:d Sku Desc Notes OverShipment:b IsADBook:b SkuPk:i SaqPk:i SasPk:i"
        ),
        "ScanItem": "SkuPk:i SasPk:i Sku Serial Quantity:d ExceptionInfo:{ExceptionInfo}",
        "ScanErrorItem": (
            "SkuPk:i SasPk:i Sku Serial Quantity:d ExceptionInfo:{ExceptionInfo} ErrorMessage"
        ),
        "ExceptionInfo": "Barcode Description Base64Image Category:i SubCategory:i",
        "CustomerSearchRecord": (
            f"Pk:i Acct:i Last {_CUSTOMER_SHAPE} Phone Email OpenInvoices:b RentalActivity:b StLoc "
            "Hold:b Barcode Color:i DependantInfo:[DependantRecord] "
            "AdditionalDetails:{AdditionalDetail} MatchedOn"
        ),
        "DependantRecord": "Name OnlineId SchoolDistrict School Id:i",
        "AdditionalDetail": (
            "CreationDate:t LastModifiedDate:t Notes CustomerDefault:{CustomerDefaultInfo} "
            "TaxAuthority:{TaxAuthorityInfo} CanCharge:b"
        ),
        "CustomerDefaultInfo": "Id:i Desc ShortDesc",
        # The page is cut; that the third member, which begins with S, is ShortDesc is INF.
        "TaxAuthorityInfo": "Id:i Desc ShortDesc",
        "CustomerDiscountInfo": "Discount:d",
        "CustomerMembershipInfo": "Name",
        "CustomerEmailInfo": "Email",
        "LicenseInfo": (
            "Number Height Weight Hair Eyes Expiration Birthday Ethnicity Gender State"
        ),
        "FormInput": "Key Value Encrypted:b",
        "AttributeData": "Name Value",
        "AddressInfo": (
            "Attention Address1 Address2 City State Zip Country Email HomePhone WorkPhone Notes"
        ),
        "ShipToInfo": (
            "Id:i Name Attention Address1 Address2 City State Zip Country Email Phone Phone2 Notes "
            "Primary:b TaxLoc Active:b"
        ),
        "CcInfo": "TokenStr CardType LastFour Expiration ReasonOnFile TokenPk:i Primary:b",
        "InvoiceInfo": (
            "InvoiceNumber DateTime:t SoldToAcct:i SoldToName BillToAcct:i BillToName Type PO "
            "OriginalAmount:d Balance:d Location ShipToName ShipToAddress ShipToId:i "
            "LineItems:[InvoiceLineItem] Payments:[InvoicePayment]"
        ),
        "InvoiceLineItem": (
            "Quantity:d Sku Description PriceEach:d Extended:d Discount:d Total:d OriginalRef "
            "Notes Source"
        ),
        "InvoicePayment": "Date:t Amount:d Ref",
        "Invoice360": (
            "Id DueDate:T Total:d Status AmountPaid:d LateFeeAmount:d PurchaseDate:t "
            "StoreLocationId:i Items:[Item360]"
        ),
        "Item360": "PslrId:i Quantity:d Price:d TotalDiscountAmount:d SerialNumber Condition",
        "Order360": (
            "Id:i Date:t Discount:d PaymentType SubTotal:d Tax:d ShippingAmount:d Total:d"
        ),
        "WorkOrder360": "RefNumber Status",
        "Contract360": "Acct:i Sub:i Status",
        # Not one member is known; these are made up.
        "ContractInfo": (
            "Acct:i Sub:i Status WebRef BeginDate:t NextDueDate:T PaymentAmount:d Balance:d "
            "Student School Inventory:[ContractInventoryInfo] Values:[ContractValuesObject]"
        ),
        "ContractInventoryInfo": (
            "Id:i BeginDate:t Cat:i Cost:d Description Discount:d Dunn EndDate:t InvType Notes "
            "OurPrice:d Qty:d ReceiptNotes Serial Sub:i Total:d Sku Mfg"
        ),
        "ContractValuesObject": "Position:i Display Value:d",
        "InventoryGeneric": "Model Item Sku Serial Desc Mfg",
        "PaymentGeneric": "Date:t Amount:d Ref",
        "ContractDefaultInfo": "Id:i Description WebDescription RdfType FullType",
        "ContractStatusInfo": "Id:i Description WebDescription",
        "ContractScheduledReturnInfo": (
            "Acct:i Sub:i Name Address Address2 City Student School District Item Employee "
            "ReturnedDate:T ScheduledReturnDate:t StockNumber Serial ReturnOption "
            "ScheduledReturnedRef Status AutoPayHoldDate:T MobileReturnedStatus:b"
        ),
        "ContractId": "Acct:i Sub:i",
        "Accessory": "Desc Price:d Type CatNum:i Sku Report:b",
        "C2BPlanGeneric": "Id:i Code Name Months:i Topic FinalTopic Url",
        "C2BDistrictGeneric": "DistrictName SchoolCount:i TeacherCount:i Topic Id:i",
        "C2BSchoolGeneric": (
            "SchoolName DistrictName TeacherCount:i Topic Id:i DeliveryInfo:{C2BDeliveryInfo} "
            "AIMSchoolId:i"
        ),
        "C2BTeacherGeneric": (
            "TeacherName SchoolName DistrictName Topic Id:i DeliveryInfo:{C2BDeliveryInfo} "
            "AIMSchoolId:i"
        ),
        "C2BDeliveryInfo": "FirstDelivery:t DeliveryTime:t DeliveryThreshold:i MondayDelivery:b",
        # The page is cut; that an instrument has grades is INF, and the list's name is made up.
        "C2BInstrumentGeneric": "InstrumentName Sku Topic Image Level:i Grades:[C2BGradeGeneric]",
        # Whether a number is an integer or a decimal is INF.
        "C2BGradeGeneric": (
            "Id:i Level:i Grade Months:i OutOfStock:b DownPay:d DownMaint:d MoPay:d MoMaint:d "
            "DownPayTax:d DownMaintTax:d MoPayTax:d MoMaintTax:d RentPrice:d CashPrice:d "
            "RentPricePlusTax:d RentPricePlusTaxLessDownpay:d"
        ),
        "Rate": (
            "PlanCode Level:i Grade RdfType ContractDefaultId:i Months:i DownPay:d MoPay:d "
            "DownMaint:d MoMaint:d DownLease:d MoLease:d"
        ),
        "TicketInfo": (
            "RefNumber MasterNumber Status Timestamp:t SoldToCustomerAcct:i SoldToCustomerName "
            "BillToCustomerAcct:i BillToCustomerName Contact Item ItemDescription Manufacturer "
            "Model Category:i CategoryDescription SubCategory:i SubCategoryDescription Terms:i "
            "PoNumber ReturnAuthorizationNumber ApprovedAmount:d TotalDue:d Subtotal:d Tax1:d "
            "Tax2:d ApprovedDate:t BilledDate:t StLoc TaxLoc Notes Invoiced:b "
            "Services:[ServiceInfo] Deposits:[DepositInfo]"
        ),
        "ServiceInfo": "Description Price:d",
        "DepositInfo": "Amount:d",
        "CustomerInfo": f"WebId:i {_CUSTOMER_SHAPE} Country Phone Email",
        "InstructorInvoice": (
            "Date:t InvoiceRef Location:{LocationInfo} StudentName Total:d Balance:d "
            "PaidByStudent:b"
        ),
        "ActiveEmployeeInfo": "EmployeeName TimeIn:t Location",
        "SecurityOverrideRequestInfo": (
            "RequestId:i DateTime:t EmployeeName LanID SecurityId SecurityDesc Notes"
        ),
        "ECommerceOrderLineItem": "Sku Quantity:d ItemStatus ShipmentId:i",
        "ECommerceOrderShippingInfo": "ShipmentId:i ShipVia TrackingNumbers:[s]",
        "CustomerOrderItem": "Id:i Item Description Price:d Quantity:d QuantityPicked:d",
        "PickedItem": "Id:i QuantityPicked:d",
        "CustomerWebOrder": "WebOrder CustomerName DateTime:t Items:[CustomerOrderItem]",
        "ThirdPartyOrder": (
            "OrderNumber OrderDate:t TransactionState PaymentMethod OrderNotes AuthorizationCode "
            "ShippingMethod Total:d SubTotal:d TaxTotal:d ShippingTotal:d CardType CardToken "
            "CardSpan CardExpirationMonth LineItems:[ThirdPartyOrderItem]"
        ),
        "ThirdPartyOrderItem": (
            "ProductName Sku SerialNumber WebNumber Location Qty:d QtyPicked:d UseQtyPicked:b "
            "Price:d"
        ),
        "DeliveryTicket": (
            "RefNumber Date:t AccountNumber:i Name Address Address2 City State ZipCode Student "
            "Contact Delivered:b District School DeliveryEmployee TimeFrame CreatedDate:t "
            "DependentAttributes:[AttributeData] TicketType HasImages:b HasSignature:b "
            "Base64Signature Notes"
        ),
        "DeliveryTicketItem": (
            "RefNumber Delivered:b Images:[Base64Image] Base64Signature ImagesToDelete:[s] Notes "
            "Longitude:d Latitude:d"
        ),
        "Base64Image": "Data FileName",
        "ApObject": "Po Data",
        # No record is documented; these members are made up around the keys of 7.1.
        "E3PartyRecord": "AeId:i Pk:i Sku Title Price:d Quantity:d Html ChangedOn:T",
        "CustomerPo": "PONumber Expires:T Limit:d",
    }.items()
}
